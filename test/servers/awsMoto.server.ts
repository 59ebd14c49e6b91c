/** The provider of AWS Secrets Manager against a second server, which pages, filters and denies in other ways. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openAwsProvider } from "../../src/providers/aws/open.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { unhurried } from "../fakes/time.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { describeProvider } from "../providers/contract.ts";
import { never } from "../reconciler/world.ts";
import { putBytes, putSecret, removeSecret, ROOT_AUTH } from "./awsScene.ts";
import { asRoot, type Ministack, REGION } from "./ministack.ts";
import { freePorts, startServer } from "./process.ts";

interface Moto extends AsyncDisposable {
  readonly url: string;
  readonly root: Ministack["root"];
  readonly open: () => SecretProvider;
}

async function startMoto(): Promise<Moto> {
  const program = process.env["DSO_MOTO"];
  if (program === undefined) throw new Error("DSO_MOTO is not set: script/moto prints it");
  const directory = await temporaryDirectory();
  const port = await freePorts();
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    ...{ program, args: ["-H", "127.0.0.1", "-p", String(port)] },
    environment: { HOME: directory.path, TMPDIR: directory.path },
    isReady: async () => (await fetch(`${url}/moto-api/`)).ok,
  });
  const settings = { region: REGION, endpoint: url, auth: ROOT_AUTH };
  return {
    ...{ url, root: asRoot(url).root },
    open: () =>
      openAwsProvider({ name: "aws", settings, environment: {}, directory: "/", ...unhurried }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

let moto: Moto;

beforeAll(async () => {
  moto = await startMoto();
});

afterAll(() => moto[Symbol.asyncDispose]());

describeProvider(
  "AWS Secrets Manager, by another server",
  () =>
    Promise.resolve({
      provider: moto.open(),
      put: (path: string, value: Uint8Array) => putBytes(moto, path, value),
      remove: (path: string) => removeSecret(moto, path),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  {
    ...{ versioned: true, keepsOlder: true, binary: true, holdsEmpty: false },
    names: ["db/password", "other", "a+b=c.d@e-f_g", "deep/er/still"],
  },
);

it("a denial that is no answer of AWS is no missing secret", async () => {
  const provider = moto.open();
  await putSecret(moto, "a", "one");
  expect((await provider.versions([{ path: "a" }], never)).get("a")).toEqual(expect.any(String));
  // From now on policies hold, and a denial comes as XML where JSON is spoken.
  await fetch(`${moto.url}/moto-api/reset-auth`, { method: "POST", body: "0" });
  await expect(provider.versions([{ path: "a" }], never)).rejects.toMatchObject({
    code: expect.stringMatching(/^provider-(unreachable|auth)$/) as string,
  });
  await provider.close();
});
