import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../src/model/secret.ts";

const secretOf = (text: string): Secret => new Secret(Buffer.from(text));

test("a secret shows its value to nobody who only prints it", () => {
  using secret = secretOf("s3cret-value");
  const shown = [
    "".concat(secret as unknown as string),
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true, getters: true }),
    ...Object.entries(secret).map((entry) => JSON.stringify(entry)),
  ];
  expect(shown.join("\n")).not.toContain("s3cret");
  expect(shown.slice(0, 3)).toEqual(["[secret]", "[secret]", '{"secret":"[secret]"}']);
  expect(secret.reveal().toString()).toBe("s3cret-value");
});

test("its bytes are overwritten once it is dropped, and it is read no more", () => {
  const bytes = Buffer.from("s3cret-value");
  const secret = new Secret(bytes);
  secret.drop();
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  expect(() => secret.reveal()).toThrow("dropped");
});

test("two are equal by their bytes", () => {
  expect(secretOf("a").equals(secretOf("a"))).toBe(true);
  expect(secretOf("a").equals(secretOf("b"))).toBe(false);
  expect(secretOf("a").equals(secretOf("ab"))).toBe(false);
});
