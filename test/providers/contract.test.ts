/** The providers of this machine itself. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DsoError } from "../../src/model/errors.ts";
import { byValue } from "../../src/providers/byValue.ts";
import { createEnvProvider } from "../../src/providers/env.ts";
import { createFileProvider } from "../../src/providers/file.ts";
import { createLocalProvider } from "../../src/providers/local/provider.ts";
import { Secret } from "../../src/model/secret.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { describeProvider, type Store } from "./contract.ts";
import { newVault } from "./local/vaults.ts";

const VARIABLES = ["DB_PASSWORD", "other", "_", "A1"];
const PATHS = ["db/password", "other", "a b", "ü/€", "x#y", "..data/token", ".hidden"];

async function localStore(): Promise<Store> {
  const directory = await temporaryDirectory();
  const { vault } = await newVault(directory.path);
  return {
    provider: createLocalProvider(vault),
    put: (path, value) => vault.set({ path }, new Secret(Buffer.from(value)), {}, never),
    remove: (path) => vault.remove(path, {}, never).catch(notMissing),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function notMissing(error: unknown): void {
  if (!(error instanceof DsoError && error.code === "secret-missing")) throw error;
}

function envStore(): Store {
  const environment: Record<string, string | undefined> = { DB_PASSWORD: "not this one" };
  return {
    provider: createEnvProvider({ name: "ci", prefix: "DSO_SECRET_", environment }),
    put: (path, value) => {
      environment[`DSO_SECRET_${path}`] = Buffer.from(value).toString();
      return Promise.resolve();
    },
    remove: (path) => {
      environment[`DSO_SECRET_${path}`] = undefined;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function fileStore(): Promise<Store> {
  const directory = await temporaryDirectory();
  const place = (path: string): string => join(directory.path, path);
  return {
    provider: createFileProvider({ name: "files", directory: directory.path }),
    put: async (path, value) => {
      await mkdir(dirname(place(path)), { recursive: true });
      await writeFile(place(path), value);
    },
    remove: (path) => rm(place(path), { force: true }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const told = (store: Store): Store => ({
  ...store,
  provider: byValue(store.provider, () => Promise.resolve(Buffer.alloc(32, 7))),
});

describeProvider("the local vault", localStore, {
  ...{ versioned: true, keepsOlder: true, binary: true, holdsEmpty: false },
  names: ["db/password", "other", "x/y/z"],
});
describeProvider("env", () => Promise.resolve(envStore()), {
  ...{ versioned: false, keepsOlder: false, binary: false, holdsEmpty: true, names: VARIABLES },
});
describeProvider("env by value", () => Promise.resolve(told(envStore())), {
  ...{ versioned: true, keepsOlder: false, binary: false, holdsEmpty: true, names: VARIABLES },
});
describeProvider("file", fileStore, {
  ...{ versioned: false, keepsOlder: false, binary: true, holdsEmpty: true, names: PATHS },
});
describeProvider("file by value", async () => told(await fileStore()), {
  ...{ versioned: true, keepsOlder: false, binary: true, holdsEmpty: true, names: PATHS },
});
