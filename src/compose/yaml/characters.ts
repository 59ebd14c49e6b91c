/** The characters of a YAML text, before it is read. */

/** Without a byte order mark; a carriage return ends a line, alone too. */
export function yamlLines(source: string): string {
  return source.replace(/^\uFEFF/, "").replace(/\r(?!\n)/g, "\n");
}

/** Where one stands, or -1. A NUL byte is refused where it stands in a value. */
export function controlCharacter(text: string): number {
  return text.search(/[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/);
}

/** What Go's YAML takes, and the library here reads all the same: long keys, `"a"# note`. */
export function isHarmless(code: string, message: string): boolean {
  return code === "KEY_OVER_1024_CHARS" || message.startsWith("Comments must be separated");
}

/** Whether a text in double quotes, as it is written, escapes half of a character, such as `\ud83c`. */
export function halfCharacter(written: string): boolean {
  return written.startsWith('"') && /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/.test(written);
}
