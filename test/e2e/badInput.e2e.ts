/**
 * What people write wrong, told to the real CLI: it ends with 1, says where, what and what to do,
 * and leaves everything as it was.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStanding, type Parts, type Standing } from "./standing.ts";

let standing: Standing;

beforeAll(async () => {
  standing = await createStanding();
});

afterAll(() => standing[Symbol.asyncDispose]());

describe("compose files and references", () => {
  /** What is written, and what must be said about it. */
  const cases: Readonly<Record<string, readonly [Parts, ...RegExp[]]>> = {
    "an unknown provider": [
      { environment: "A: dso://nowhere:app/password" },
      /compose\.yaml:9:10/,
      /no provider is named "nowhere"/,
      /Add "nowhere" under providers: in dso\.yaml/,
    ],
    "a missing secret": [
      { environment: "A: dso://app/passwort" },
      /compose\.yaml:9:10/,
      /"app\/passwort" is not in the vault/,
      /Did you mean "app\/password"/,
    ],
    "a missing key of a secret": [
      { environment: "A: dso://app/password#user" },
      /compose\.yaml:9:10/,
      /has no key "user" \(keys: value\)/,
      /Name one of them after the #/,
    ],
    "a reference as image": [
      { image: "dso://app/password" },
      /compose\.yaml:3:12/,
      /stands in services\.web\.image, where none is read/,
      /Put it in environment:/,
    ],
    "a reference in a label": [
      { service: "labels: { a: dso://app/password }" },
      /compose\.yaml:9:18/,
      /services\.web\.labels\.a/,
    ],
    "a reference in the command": [
      { service: 'command: [serve, "--password=dso://app/password"]' },
      /compose\.yaml:9:22/,
      /services\.web\.command/,
    ],
    "a bare reference inside a longer value": [
      { environment: "A: postgres://app:dso://app/password@db/shop" },
      /compose\.yaml:9:10/,
      /stands bare inside a longer value/,
      /double braces: \{\{dso:\/\/app\/password\}\}/,
    ],
    "a reference that is none": [
      { environment: "A: dso://app//password" },
      /compose\.yaml:9:10/,
      /app\/\/password/,
    ],
    "two references for one target": [
      { environment: "B: dsofile://app/other?target=/run/secrets/app/password" },
      /compose\.yaml:8:22/,
      /variable B and variable PASSWORD_FILE want \/run\/secrets\/app\/password/,
      /another target/,
    ],
    "one target as a file and as a directory": [
      { environment: "B: dsofile://app/other?target=/run/secrets/app/password/deep" },
      /compose\.yaml:\d+:\d+/,
      /\/run\/secrets\/app\/password/,
    ],
    "a field that is not carried": [
      { service: "credential_spec: { file: x.json }" },
      /compose\.yaml:9:5/,
      /services\.web\.credential_spec is not supported/,
      /take it out/,
    ],
    "an unknown key": [
      { service: "imagee: x" },
      /compose\.yaml:9:5/,
      /services\.web: unknown key "imagee"/,
      /Did you mean "image"/,
    ],
    "an unknown key of x-dso": [
      { service: "x-dso: { strategie: restart }" },
      /compose\.yaml:9:\d+/,
      /Unknown key "strategie"/,
      /Did you mean "strategy"/,
    ],
    "a network that nobody declares": [
      { service: "networks: [nowhere]" },
      /compose\.yaml:9:1\d/,
      /nowhere/,
    ],
    "text that is no YAML": [{ service: "command: [a" }, /compose\.yaml:\d+:\d+/],
  };

  test.each(Object.entries(cases))("%s", async (_, [parts, ...words]) => {
    await standing.change(parts);
    await standing.refused(words);
  });

  test("every fault at once", async () => {
    const environment = "A: dso://nowhere:a\nB: x dso://app/password\nC: dso://nowhere:c";
    await standing.change({ environment });
    await standing.refused([/compose\.yaml:9:10[^]*compose\.yaml:10:10[^]*compose\.yaml:11:10/]);
  });

  test("an empty secret never comes into the vault", async () => {
    await standing.refused([/The value of secret "app\/empty" is empty/], "secret set app/empty");
    await standing.project.write("some.env", "FULL=x\nEMPTY=\n");
    await standing.refused([/"EMPTY" is empty/, /give it a value/], "secret import some.env");
    const { stdout } = await standing.project.dso("secret list");
    expect(stdout).not.toContain("FULL");
  });

  test.each([
    ["defualts: {}\n", /dso\.yaml:1:1/, /Unknown key "defualts"[^]*Did you mean "defaults"/],
    ["defaults: { provider: vaultt }\n", /dso\.yaml:1:23/, /no provider has that name/],
  ])("dso.yaml: %s", async (text, ...words) => {
    await standing.change();
    await standing.project.write("dso.yaml", text);
    await standing
      .refused(words)
      .finally(() => standing.home.run("rm", [`${standing.project.dir}/dso.yaml`]));
  });
});
