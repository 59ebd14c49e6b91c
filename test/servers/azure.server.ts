/** The provider of Azure Key Vault against our own one, which `azureRecordings.server.ts` holds to the real one. */
import { afterAll, beforeAll } from "vitest";
import { describeProvider } from "../providers/contract.ts";
import { type AzureScene, startAzure } from "./azureScene.ts";

let scene: AzureScene;

beforeAll(async () => {
  scene = await startAzure();
});

afterAll(() => scene[Symbol.asyncDispose]());

describeProvider(
  "Azure Key Vault",
  () =>
    Promise.resolve({
      provider: scene.open(),
      put: (path, value) => Promise.resolve(scene.put(path, Buffer.from(value).toString())),
      remove: (path) => {
        const secret = scene.vault.store.find(path);
        if (secret !== undefined) scene.vault.store.purge(secret);
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  {
    ...{ versioned: true, keepsOlder: true, binary: false, holdsEmpty: true, json: true },
    names: ["db-password", "other", "A1", "0", "x--y", "ends-", "n".repeat(127)],
  },
);
