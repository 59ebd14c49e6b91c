/** How the provider of Vault gets its token, from a real OpenBao. */
import { generateKeyPairSync, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretProvider } from "../../src/model/ports.ts";
import type { Settings } from "../../src/model/settings.ts";
import { never } from "../reconciler/world.ts";
import { credential, startVault, type VaultScene } from "./vaultScene.ts";
import { values } from "./told.ts";

let scene: VaultScene;

beforeAll(async () => {
  scene = await startVault();
});

afterAll(() => scene[Symbol.asyncDispose]());

describe("a login", () => {
  const expectRead = async (auth: Settings): Promise<SecretProvider> => {
    await scene.put("login", { value: "in" });
    const provider = scene.open(auth);
    expect(await values(provider, { path: "login" })).toEqual({ value: "in" });
    return provider;
  };

  it("by approle, from a file; its token is given back at the end", async () => {
    await scene.bao.root("POST", "sys/auth/approle", { type: "approle" });
    const role = { token_policies: ["reader"], token_ttl: "1h" };
    await scene.bao.root("POST", "auth/approle/role/dso", role);
    const { data: id } = (await scene.bao.root("GET", "auth/approle/role/dso/role-id")) as {
      data: { role_id: string };
    };
    const { data: secret } = (await scene.bao.root(
      "POST",
      "auth/approle/role/dso/secret-id",
      {},
    )) as {
      data: { secret_id: string };
    };
    const file = join(scene.bao.directory, "secret-id");
    await writeFile(file, `${secret.secret_id}\n`);
    const auth = { method: "approle", role_id: id.role_id, secret_id_file: "secret-id" };
    const provider = await expectRead(auth);
    await provider.close();
    expect((await scene.bao.asked()).at(-1)).toBe("update auth/token/revoke-self");
    await writeFile(file, "another");
    await expect(scene.open(auth).versions([{ path: "login" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      message: expect.stringContaining(
        "the login by approle at auth/approle/login was refused",
      ) as unknown,
    });
  });

  it("by jwt, and says why one is refused", async () => {
    const issuer = createIssuer();
    await scene.bao.root("POST", "sys/auth/ci", { type: "jwt" });
    await scene.bao.root("POST", "auth/ci/config", { jwt_validation_pubkeys: [issuer.publicKey] });
    const role = { role_type: "jwt", bound_audiences: ["dso"], user_claim: "sub" };
    await scene.bao.root("POST", "auth/ci/role/app", { ...role, token_policies: ["reader"] });
    const auth = { method: "jwt", mount: "ci", role: "app" };
    await expectRead({ ...auth, jwt: credential(issuer.token({ aud: "dso" })) });
    const wrong = scene.open({ ...auth, jwt: credential(issuer.token({ aud: "somebody" })) });
    await expect(wrong.versions([{ path: "login" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      message: expect.stringMatching(
        /by jwt at auth\/ci\/login was refused: .*audience/,
      ) as unknown,
    });
  });

  it("by kubernetes, with the pod's own token", async () => {
    const issuer = createIssuer();
    const account = { namespace: "shop", serviceaccount: { name: "web", uid: "1" } };
    const pod = issuer.token({
      ...{ sub: "system:serviceaccount:shop:web", "kubernetes.io": account },
    });
    await using cluster = await startCluster(pod);
    await scene.bao.root("POST", "sys/auth/kubernetes", { type: "kubernetes" });
    await scene.bao.root("POST", "auth/kubernetes/config", {
      ...{ kubernetes_host: cluster.url, disable_local_ca_jwt: true },
      ...{ token_reviewer_jwt: pod, kubernetes_ca_cert: await readFile(scene.bao.caFile, "utf8") },
    });
    const bound = {
      bound_service_account_names: ["web"],
      bound_service_account_namespaces: ["shop"],
    };
    await scene.bao.root("POST", "auth/kubernetes/role/web", {
      ...bound,
      token_policies: ["reader"],
    });
    await writeFile(join(scene.bao.directory, "pod"), pod);
    await expectRead({ method: "kubernetes", role: "web", jwt_file: "pod" });
  });

  it("by a token of a file, which may be written anew", async () => {
    const file = join(scene.bao.directory, "token");
    const give = async (): Promise<string> => {
      const body = { policies: ["reader"], no_parent: true, display_name: "dso" };
      const { auth } = (await scene.bao.root("POST", "auth/token/create", body)) as Created;
      await writeFile(file, `${auth.client_token}\n`);
      return auth.client_token;
    };
    const token = await give();
    const provider = await expectRead({ method: "token", token_file: "token" });
    await scene.bao.root("POST", "auth/token/revoke", { token });
    await give();
    expect(await values(provider, { path: "login" })).toEqual({ value: "in" });
  });

  it("by userpass, again whenever its token has expired", async () => {
    await scene.bao.root("POST", "sys/auth/people", { type: "userpass" });
    const user = {
      password: "pass-of-the-test",
      token_policies: ["reader"],
      token_ttl: "3s",
      token_max_ttl: "6s",
    };
    await scene.bao.root("POST", "auth/people/users/dso", user);
    const auth = {
      method: "userpass",
      mount: "people",
      username: "dso",
      password: credential(user.password),
    };
    const provider = await expectRead(auth);
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 3100));
      expect(await values(provider, { path: "login" })).toEqual({ value: "in" });
    }
    await provider.close();
  });
});

interface Created {
  readonly auth: { readonly client_token: string };
}

interface Issuer {
  /** PEM. */
  readonly publicKey: string;
  readonly token: (claims: object) => string;
}

/** Whoever signs for a CI job or a pod. */
function createIssuer(): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    token: (claims) => {
      const now = Math.floor(Date.now() / 1000) - 10;
      const body = { sub: "job", iat: now, nbf: now, exp: now + 600, ...claims };
      const signed = `${part({ alg: "ES256", typ: "JWT" })}.${part(body)}`;
      const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
      return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
    },
  };
}

/** As much of a cluster's API as is asked whether a token is a pod's. */
async function startCluster(pod: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { spec } = JSON.parse(body) as { spec: { token: string } };
      const user = { username: "system:serviceaccount:shop:web", uid: "1", groups: [] };
      const status = spec.token === pod ? { authenticated: true, user } : { authenticated: false };
      const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status };
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(review));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
