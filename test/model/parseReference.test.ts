import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import {
  findEmbedded,
  isReferenceLike,
  parseReference,
  type KnownProviders,
} from "../../src/model/parseReference.ts";

const known: KnownProviders = {
  providers: new Set(["local", "vault", "prod-aws"]),
  defaultProvider: "local",
};

const parse = (text: string) => parseReference(text, known);

function failure(run: () => unknown): DsoError {
  try {
    run();
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("parseReference", () => {
  test("reads provider, path, options and key", () => {
    expect(
      parse("dsofile://prod-aws:db/main?version=7&mode=0440&uid=70&gid=0&target=/etc/pw#password"),
    ).toEqual({
      scheme: "dsofile",
      provider: "prod-aws",
      path: "db/main",
      key: "password",
      pinned: "7",
      file: { mode: 0o440, uid: 70, gid: 0, target: "/etc/pw" },
      text: "dsofile://prod-aws:db/main?version=7&mode=0440&uid=70&gid=0&target=/etc/pw#password",
    });
  });

  test("takes the default provider where none is named", () => {
    expect(parse("dso://db/password")).toEqual({
      scheme: "dso",
      provider: "local",
      path: "db/password",
      file: {},
      text: "dso://db/password",
    });
  });

  test.each([
    ["dso://a%20b/c%3Fd", "a b/c?d", undefined],
    ["dso://vualt%3Adb", "vualt:db", undefined],
    ["dso://vault:a:b", "a:b", undefined],
    ["dso://team/vault:b", "team/vault:b", undefined],
    ["dso://db#a%2Fb%23c", "db", "a/b#c"],
    ["dso://gr%C3%BCn", "grün", undefined],
    [
      "dso://arn:aws:secretsmanager:eu-west-1:1:secret:db",
      "arn:aws:secretsmanager:eu-west-1:1:secret:db",
      undefined,
    ],
  ])("decodes %s", (text, path, key) => {
    const reference = parse(text);
    expect([reference.path, reference.key]).toEqual([path, key]);
  });

  test("a provider that is not configured is named, with the likely one", () => {
    const error = failure(() => parse("dso://vualt:db/password"));
    expect(error.code).toBe("provider-unknown");
    expect(error.message).toBe(
      'reference "dso://vualt:db/password": no provider is named "vualt" (configured: local, prod-aws, vault)',
    );
    expect(error.hint).toBe('Did you mean "vault"?');
    expect(failure(() => parse("dso://gcp:db")).hint).toContain("%3A");
  });

  test.each([
    ["dso://", "names no secret"],
    ["dso://vault:", "names no secret"],
    ["dso://:db", 'nothing before the ":"'],
    ["dso:///db", "empty segment"],
    ["dso://db/", "empty segment"],
    ["dso://db//x", "empty segment"],
    ["dso://db/../x", '".."'],
    ["dso://db/%2e%2E/x", '".."'],
    ["dso://./x", '"."'],
    ["dso://a%2Fb", "%2F"],
    ["dso://a%zz", "broken percent escape"],
    ["dso://a%ff", "broken percent escape"],
    ["dso://a%00b", "control character"],
    ["dso://a b", "blank"],
    ["dso://a\n", "blank"],
    ["dso://a{b}", "brace"],
    ["dso://a#", 'nothing after "#"'],
    ["dso://a#b#c", 'more than one "#"'],
    ["dso://a#b?version=1", '"?" after "#"'],
    ["dso://a?", 'unknown option ""'],
    ["dso://a?version", "without a value"],
    ["dso://a?version=", "without a value"],
    ["dso://a?version=1&version=2", "twice"],
    ["dso://a?mode=0440", "for files"],
    ["dsofile://a?mode=999", 'mode "999"'],
    ["dsofile://a?mode=4755", 'mode "4755"'],
    ["dsofile://a?uid=-1", 'uid "-1"'],
    ["dsofile://a?gid=4294967295", "gid"],
    ["dsofile://a?target=../x", '".."'],
    ["dsofile://a?target=/", "empty segment"],
    ["dsofile://a#..", '".."'],
    ["dsofile://a#x%2Fy", '"/" in its key'],
    ["DSO://a", "does not begin"],
    ["postgres://a", "does not begin"],
  ])("refuses %j", (text, message) => {
    const error = failure(() => parse(text));
    expect(error.code).toBe("reference-invalid");
    expect(error.message).toContain(message);
    expect(error.message).toContain(JSON.stringify(text));
    expect(error.hint).toBeTruthy();
  });

  test("an unknown option gets a suggestion", () => {
    expect(failure(() => parse("dso://a?verison=3")).hint).toBe('Did you mean "version"?');
    expect(failure(() => parse("dso://a?zzz=3")).hint).toContain("version, mode, uid");
  });

  test("reads back whatever is written with percent escapes", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
      .filter((text) => !/[/\u0000-\u001f\u007f]|^\.{1,2}$/.test(text) && text.isWellFormed());
    fc.assert(
      fc.property(
        fc.constantFrom("dso", "dsofile"),
        fc.option(fc.constantFrom(...known.providers), { nil: undefined }),
        fc.array(name, { minLength: 1, maxLength: 4 }),
        fc.option(name, { nil: undefined }),
        fc.option(name, { nil: undefined }),
        (scheme, provider, path, key, pinned) => {
          const text = [
            `${scheme}://`,
            provider === undefined ? "" : `${provider}:`,
            path.map(encodeURIComponent).join("/"),
            pinned === undefined ? "" : `?version=${encodeURIComponent(pinned)}`,
            key === undefined ? "" : `#${encodeURIComponent(key)}`,
          ].join("");
          const reference = parse(text);
          expect(reference.provider).toBe(provider ?? "local");
          expect(reference.path).toBe(path.join("/"));
          expect(reference.key).toBe(key);
          expect(reference.pinned).toBe(pinned);
          expect(isReferenceLike(text)).toBe(true);
        },
      ),
    );
  });

  test("any text gives a reference or a DsoError with a hint", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab/:?#=&%.{}2Fvault mode".split("")) }),
        (tail) => {
          try {
            expect(parse(`dso://${tail}`).path).not.toBe("");
          } catch (error) {
            expect(error).toBeInstanceOf(DsoError);
            expect((error as DsoError).hint).toBeTruthy();
          }
        },
      ),
    );
  });
});

describe("findEmbedded", () => {
  test("cuts a value at its references", () => {
    const parts = findEmbedded("pg://app:{{dso://db#password}}@{{dso://vault:host}}/shop", known);
    expect(parts.map((part) => (typeof part === "string" ? part : part.text))).toEqual([
      "pg://app:",
      "dso://db#password",
      "@",
      "dso://vault:host",
      "/shop",
    ]);
  });

  test.each(["", "plain", "{{ .Values.x }}", "ldso://x", "x}} {{y"])("leaves %j alone", (text) => {
    expect(findEmbedded(text, known)).toEqual(text === "" ? [] : [text]);
  });

  test("keeps braces around a reference", () => {
    expect(findEmbedded("{{{dso://a}}}", known)).toMatchObject(["{", { path: "a" }, "}"]);
  });

  test("a bare reference in the middle is refused with the way to embed it", () => {
    const error = failure(() => findEmbedded("pg://app:dso://db#password@db/shop", known));
    expect(error.code).toBe("reference-invalid");
    expect(error.hint).toContain("{{dso://db#password}}");
    expect(failure(() => findEmbedded("{{dso://a}} dso://b", known)).message).toContain("bare");
    expect(failure(() => findEmbedded("x={{ dso://a }}", known)).hint).toContain("{{dso://a}}");
  });

  test("dsofile:// and an open end are refused", () => {
    expect(failure(() => findEmbedded("x {{dsofile://a}}", known)).message).toContain("path");
    expect(failure(() => findEmbedded("x {{dso://a}", known)).message).toContain("not closed");
  });
});

test.each([
  ["dso://a", true],
  ["x=dso://a", true],
  ["{{dsofile://a}}", true],
  ["DSO://a", true],
  ["lasso://a", false],
  ["dso:/a", false],
  ["", false],
])("isReferenceLike(%j) is %s", (text, expected) => {
  expect(isReferenceLike(text)).toBe(expected);
});
