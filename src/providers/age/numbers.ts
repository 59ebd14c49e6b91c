/** Numbers as SOPS writes them before it encrypts them or adds them to the MAC. */

/** Undefined where the text is no integer; that of YAML may have a base and leading zeros. */
export function integerOf(source: string): string | undefined {
  const [, minus = "", digits] = /^([-+]?)(\d+|0x[\da-fA-F]+|0o[0-7]+)$/.exec(source) ?? [];
  if (digits === undefined) return undefined;
  const magnitude = BigInt(digits);
  return String(minus === "-" ? -magnitude : magnitude);
}

/** The shortest digits that mean this double, never with an exponent. */
export function decimalOf(value: number): string {
  if (Object.is(value, -0)) return "-0";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-Inf" : "+Inf";
  const [, sign = "", first, rest = "", exponent] =
    /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(String(value)) ?? [];
  if (first === undefined) return String(value);
  const digits = first + rest;
  const power = Number(exponent);
  return power < 0
    ? `${sign}0.${"0".repeat(-power - 1)}${digits}`
    : sign + digits.padEnd(power + 1, "0");
}
