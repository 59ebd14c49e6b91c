import fc from "fast-check";
import { expect, test } from "vitest";
import { DsoError } from "../../../src/model/errors.ts";
import type { VaultRecord } from "../../../src/providers/local/format.ts";
import { type LocalVault, openLocalVault } from "../../../src/providers/local/vault.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import { never, newVault, secret } from "./vaults.ts";

/** What the vault is to be like: per secret, its versions as maps; undefined for a deleted one. */
type Model = Map<string, (Map<string, string> | undefined)[]>;

type Step =
  | { readonly kind: "set"; readonly path: string; readonly key: string; readonly value: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "destroy"; readonly path: string }
  | { readonly kind: "rollback"; readonly path: string; readonly version: number }
  | { readonly kind: "import"; readonly values: readonly (readonly [string, string])[] }
  | { readonly kind: "reopen" };

const path = fc.constantFrom("a", "b", "a/b", "__proto__");
const key = fc.constantFrom("value", "password", "constructor");
const value = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("set" as const), path, key, value }) },
  fc.record({ kind: fc.constant("remove" as const), path }),
  fc.record({ kind: fc.constant("destroy" as const), path }),
  fc.record({
    kind: fc.constant("rollback" as const),
    path,
    version: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    kind: fc.constant("import" as const),
    values: fc.array(fc.tuple(path, value), { maxLength: 3 }),
  }),
  fc.constant<Step>({ kind: "reopen" }),
);

/** Does the step in the model; false when the vault is to refuse it. */
function simulate(model: Model, step: Step): boolean {
  if (step.kind === "reopen") return true;
  if (step.kind === "import") {
    for (const [path, value] of step.values) {
      const current = model.get(path)?.at(-1);
      if (current?.get("value") === value) continue;
      simulate(model, { kind: "set", path, key: "value", value });
    }
    return true;
  }
  const versions = model.get(step.path) ?? [];
  const current = versions.at(-1);
  switch (step.kind) {
    case "set":
      model.set(step.path, [...versions, new Map([...(current ?? []), [step.key, step.value]])]);
      return true;
    case "remove":
      if (current === undefined) return false;
      model.set(step.path, [...versions, undefined]);
      return true;
    case "destroy":
      if (versions.length === 0) return false;
      model.set(
        step.path,
        versions.map(() => undefined),
      );
      return true;
    case "rollback": {
      const old = versions[step.version - 1];
      if (old === undefined) return false;
      model.set(step.path, [...versions, old]);
      return true;
    }
  }
}

async function perform(vault: LocalVault, step: Exclude<Step, { kind: "reopen" }>): Promise<void> {
  switch (step.kind) {
    case "set":
      await vault.set({ path: step.path, key: step.key }, secret(step.value), {}, never);
      return;
    case "remove":
      await vault.remove(step.path, {}, never);
      return;
    case "destroy":
      await vault.destroy(step.path, {}, never);
      return;
    case "rollback":
      await vault.rollback(step.path, step.version, {}, never);
      return;
    case "import": {
      const entries = step.values.map(([path, value]) => [path, Buffer.from(value)] as const);
      await vault.importEntries(entries, "", never);
    }
  }
}

async function contentOf(vault: LocalVault): Promise<Model> {
  const view = await vault.view();
  const { secrets } = view;
  const read = (record: VaultRecord) =>
    new Map([...view.reveal(record).values].map(([key, held]) => [key, held.reveal().toString()]));
  return new Map(
    [...secrets].map(([path, records]) => {
      expect(records.map(({ version }) => version)).toEqual(records.map((_, index) => index + 1));
      return [path, records.map((record) => (record.state === "live" ? read(record) : undefined))];
    }),
  );
}

function sorted(model: Model): unknown {
  return [...model]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, versions]) => [path, versions.map((version) => version && [...version].sort())]);
}

test("does what a simple model does, whatever is asked of it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      await using dir = await temporaryDirectory();
      const { vault: first, options } = await newVault(dir.path);
      let vault = first;
      const model: Model = new Map();
      for (const next of steps) {
        const expected = simulate(model, next);
        if (next.kind === "reopen") {
          vault.close();
          vault = await openLocalVault(options, never);
          continue;
        }
        const done = await perform(vault, next).then(
          () => true,
          (error: unknown) => {
            if (error instanceof DsoError) return false;
            throw error;
          },
        );
        expect([next, done]).toEqual([next, expected]);
      }
      expect(sorted(await contentOf(vault))).toEqual(sorted(model));
      vault.close();
    }),
    { numRuns: 40 },
  );
});
