/** In which order Compose prints the keys of a map. */

/** Go's JSON has them by their bytes; JavaScript compares UTF-16 units. */
export function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const LETTER = /^\p{L}$/u;
const DIGIT = /^\p{Nd}$/u;

/** Its YAML as people count: `app2` before `app10`, signs before letters; after a digit letters come first. */
export function byCount(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0 || at >= right.length) return left.length - right.length;
  const [one = "", other = ""] = [left[at], right[at]];
  const [isLetter, otherIsLetter] = [LETTER.test(one), LETTER.test(other)];
  if (isLetter !== otherIsLetter) {
    return DIGIT.test(left[at - 1] ?? "") === isLetter ? -1 : 1;
  }
  const counted = isLetter ? 0 : compareNumbers(numberAt(left, at), numberAt(right, at));
  return counted || (one.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
}

/** All digits around the place. */
function numberAt(text: readonly string[], at: number): string {
  let [start, end] = [at, at];
  while (DIGIT.test(text[start - 1] ?? "")) start--;
  while (DIGIT.test(text[end] ?? "")) end++;
  return text.slice(start, end).join("");
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? a.length - b.length : left < right ? -1 : 1;
}
