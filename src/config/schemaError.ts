/** What a precompiled validator says about a value. */
export interface SchemaError {
  /** JSON pointer to the value. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set where the fault is in a key itself. */
  readonly propertyName?: string;
  readonly parentSchema?: SchemaPart;
  readonly data?: unknown;
}

export interface SchemaPart {
  /** What is expected, as it reads after "must be". */
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
  /** A credential: its value is never shown. */
  readonly writeOnly?: boolean;
}

/** Fills the schema's defaults into `data`. */
export interface SchemaValidator {
  (data: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}
