/** What every provider has to do, whatever its store: each passes this suite, against the real thing where there is one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import {
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
  UNSUPPORTED,
} from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";

/** A store that the test changes behind the provider's back. */
export interface Store extends AsyncDisposable {
  readonly provider: SecretProvider;
  /** A new value of the secret, under the only key that it has. */
  readonly put: (path: string, value: Uint8Array) => Promise<unknown>;
  readonly remove: (path: string) => Promise<unknown>;
}

export interface Traits {
  /** It tells versions. */
  readonly versioned: boolean;
  /** A version can be read after there is a newer one. */
  readonly keepsOlder: boolean;
  /** Values may be any bytes. */
  readonly binary: boolean;
  /** The store takes an empty value. */
  readonly holdsEmpty: boolean;
  /** A text that is a JSON object is a secret with these keys. Absent: it is not looked into. */
  readonly json?: true;
  /** The names that the store takes, hard ones among them. */
  readonly names: readonly string[];
}

export function describeProvider(
  what: string,
  open: () => Promise<Store>,
  { binary, holdsEmpty, json, keepsOlder, names, versioned }: Traits,
): void {
  const [first = "", second = "", ...hard] = names;

  describe(`${what}, as every provider`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());

    const put = (path: string, value: string): Promise<unknown> =>
      store.put(path, Buffer.from(value));
    const versionOf = async (request: SecretRequest): Promise<unknown> =>
      (await store.provider.versions([request], never)).get(requestKey(request));
    const answer = async (request: SecretRequest): Promise<SecretData | DsoError> =>
      (await store.provider.read([request], never)).get(requestKey(request))!;
    const bytesOf = async (request: SecretRequest): Promise<Buffer> => {
      const found = await answer(request);
      if (found instanceof DsoError) throw found;
      const [value] = [...found.values.values()];
      const copy = Buffer.from(value!.reveal());
      value!.drop();
      return copy;
    };

    it("answers each request under its own name, and one that is missing spoils none", async () => {
      await put(first, "one");
      await store.remove(second);
      const requests = [{ path: first }, { path: second }];
      for (const method of ["versions", "read"] as const) {
        const answers = await store.provider[method](requests, never);
        expect([...answers.keys()].sort()).toEqual(requests.map(requestKey).sort());
        expect(answers.get(requestKey({ path: first }))).not.toBeInstanceOf(DsoError);
        expect(answers.get(requestKey({ path: second }))).toMatchObject({ code: "secret-missing" });
      }
    });

    it("brings the bytes that were put there", async () => {
      const texts = ["plain", "two\nlines\n", `'"\\$x {} %41 ü€😀`, "x".repeat(60_000)];
      for (const text of texts) {
        await put(first, text);
        expect((await bytesOf({ path: first })).toString()).toBe(text);
      }
      if (!binary) return;
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => 255 - index));
      await store.put(first, bytes);
      expect(await bytesOf({ path: first })).toEqual(bytes);
    });

    if (json) {
      const deep = `{"a":${"[".repeat(6000)}${"]".repeat(6000)}}`;
      it.each([
        [`{"id":12345678901234567890,"rate":1.50}`, { id: "12345678901234567890", rate: "1.50" }],
        [`{"on":true,"no":null,"l":[1.0,"a"]}`, { on: "true", no: "", l: `[1.0,"a"]` }],
        [deep, { value: deep }],
      ])("brings the keys of JSON as they are written (%#)", async (text, keys) => {
        await put(first, text);
        const found = await answer({ path: first });
        if (found instanceof DsoError) throw found;
        const texts = [...found.values].map(([key, value]) => [key, value.reveal().toString()]);
        expect(Object.fromEntries(texts)).toEqual(keys);
      });
    }

    it("takes hard names", async () => {
      for (const name of hard) await put(name, `of ${name}`);
      for (const name of hard) {
        expect((await bytesOf({ path: name })).toString()).toBe(`of ${name}`);
      }
    });

    it(
      versioned
        ? "tells a version that moves with the value alone"
        : "tells that it has no versions",
      async () => {
        await put(first, "before");
        const before = await versionOf({ path: first });
        if (!versioned) {
          expect(before).toBe(UNSUPPORTED);
          return;
        }
        expect(before).toEqual(expect.any(String));
        expect(await versionOf({ path: first })).toBe(before);
        expect(await answer({ path: first })).toMatchObject({ version: before });
        await put(first, "after");
        expect(await versionOf({ path: first })).not.toBe(before);
      },
    );

    if (versioned) {
      it("reads the version that is asked for, or says that it is gone", async () => {
        await put(first, "older");
        const older = String(await versionOf({ path: first }));
        await put(first, "newer");
        const newer = String(await versionOf({ path: first }));
        expect((await bytesOf({ path: first, pinned: newer })).toString()).toBe("newer");
        const pinned = { path: first, pinned: older };
        if (keepsOlder) expect((await bytesOf(pinned)).toString()).toBe("older");
        else expect(await answer(pinned)).toMatchObject({ code: "secret-version-gone" });
      });

      it("brings two versions of one secret at once, each under its own name", async () => {
        await put(first, "older");
        const older = { path: first, pinned: String(await versionOf({ path: first })) };
        await put(first, "newer");
        const newer = { path: first, pinned: String(await versionOf({ path: first })) };
        const answers = await store.provider.read([older, newer], never);
        expect([...answers.keys()].sort()).toEqual([older, newer].map(requestKey).sort());
        const texts = [older, newer].map((request) => {
          const found = answers.get(requestKey(request));
          if (found === undefined || found instanceof DsoError) return found?.code;
          return [...found.values.values()].map((value) => value.reveal().toString()).join();
        });
        expect(texts).toEqual([keepsOlder ? "older" : "secret-version-gone", "newer"]);
      });
    }

    if (holdsEmpty) {
      it("does not take an empty value for a missing one", async () => {
        await put(first, "");
        const found = await answer({ path: first });
        if (found instanceof DsoError) expect(found.code).toBe("secret-empty");
        else expect([...found.values.values()].map(({ byteLength }) => byteLength)).toEqual([0]);
      });
    }

    it("asks nothing once it is told to stop", async () => {
      const stopped = AbortSignal.abort(new Error("enough"));
      await expect(store.provider.versions([{ path: first }], stopped)).rejects.toThrow("enough");
      await expect(store.provider.read([{ path: first }], stopped)).rejects.toThrow("enough");
    });

    it("says that all is well", async () => {
      expect(await store.provider.check(never)).toEqual({ ok: true });
    });
  });
}
