import { timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

const SHOWN = "[secret]";

/**
 * A secret value. It prints as `[secret]` wherever a string, JSON or a debugger
 * asks for it; only `reveal()`, called in `apply/` and `providers/` alone, gives
 * the bytes. The bytes are overwritten by `drop()`: a JavaScript string could
 * not be, which is why none is ever made here.
 */
export class Secret implements Disposable {
  #bytes: Buffer;
  #dropped = false;

  /** Takes ownership of `bytes`: the caller must not keep or change them. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, not a copy; they become zeroes at `drop()`. */
  reveal(): Buffer {
    if (this.#dropped) throw new Error("a dropped secret was read");
    return this.#bytes;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Takes the same time wherever the two differ. */
  equals(other: Secret): boolean {
    const a = this.reveal();
    const b = other.reveal();
    return a.length === b.length && timingSafeEqual(a, b);
  }

  drop(): void {
    this.#bytes.fill(0);
    this.#dropped = true;
  }

  [Symbol.dispose](): void {
    this.drop();
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
