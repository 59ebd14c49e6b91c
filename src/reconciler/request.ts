/** Which project is meant: what the flags `-f -p --profile --env-file` say. */
export interface ProjectRequest {
  readonly cwd: string;
  readonly files: readonly string[];
  /** The text of standard input, where a file is `-`. */
  readonly stdin: string | undefined;
  readonly projectName: string | undefined;
  readonly projectDirectory: string | undefined;
  /** Undefined: COMPOSE_PROFILES decides. */
  readonly profiles: readonly string[] | undefined;
  readonly environmentFiles: readonly string[];
  /**
   * What the files may ask of the environment, for whoever loads them from elsewhere; undefined:
   * that of this process. `null`: asked for, and not set.
   */
  readonly variables: Readonly<Record<string, string | null>> | undefined;
  /** Services named on the command line: their profiles are on. */
  readonly services: readonly string[];
}
