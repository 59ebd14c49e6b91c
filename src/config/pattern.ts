/** `*` stands for any text. */
export function toPattern(text: string): RegExp {
  const parts = text.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}
