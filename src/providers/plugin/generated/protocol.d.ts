/** Made from schemas/plugin-protocol.json by `node script/schemas.ts`. */
interface Fault {
  /** JSON pointer to what is wrong. */
  readonly instancePath: string;
  readonly message?: string;
}
interface Validate {
  (data: unknown): boolean;
  errors?: readonly Fault[] | null;
}

export declare const fromPlugin: Validate;
export declare const initializeResult: Validate;
export declare const versionsResult: Validate;
export declare const readResult: Validate;
