/** Our own Key Vault answers as the real one did when Microsoft recorded it: status, keys, types, pages. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createHttp } from "../../src/providers/http.ts";
import { never } from "../reconciler/world.ts";
import { SECRET } from "./azureScene.ts";
import { type FakeKeyVault, startKeyVault, TENANT } from "./keyVault.ts";

interface Entry {
  readonly RequestMethod: string;
  readonly RequestUri: string;
  readonly RequestHeaders: Readonly<Record<string, string>>;
  readonly RequestBody: unknown;
  readonly StatusCode: number;
  readonly ResponseHeaders: Readonly<Record<string, string>>;
  readonly ResponseBody: unknown;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** What lay in the vault besides: a certificate, and places of what was purged or not deleted. */
const BESIDES: Readonly<Record<string, (vault: FakeKeyVault) => void>> = {
  TestListSecrets({ store }) {
    const attributes = { enabled: false, nbf: 1, exp: 2 };
    store.put("cert2501394451", {
      value: "",
      contentType: "application/x-pkcs12",
      tags: { tag1: "a" },
      attributes,
    });
    Object.assign(store.find("cert2501394451")!, { managed: true });
    for (const name of ["secret13245351623", "secret23245351623"]) {
      store.put(name, { value: "" });
      store.purge(store.find(name)!);
    }
  },
  TestListDeletedSecrets({ store }) {
    for (const name of ["a", "b", "secret15", "z"]) store.put(name, { value: "" });
  },
};

const NAMES = [
  "TestCRUD",
  "TestListSecrets",
  "TestListSecretVersions",
  "TestListDeletedSecrets",
  "TestRecover",
  "TestBackupRestore",
];
const DIRECTORY = process.env["DSO_AZURE_RECORDINGS"];

describe("as it was recorded", () => {
  it.each(NAMES)("%s", async (name) => {
    if (DIRECTORY === undefined)
      throw new Error("DSO_AZURE_RECORDINGS is not set: script/azure-recordings prints it");
    const { Entries: entries } = JSON.parse(
      await readFile(join(DIRECTORY, `${name}.json`), "utf8"),
    ) as { Entries: readonly Entry[] };
    expect(entries.length).toBeGreaterThan(5);
    await using vault = await startKeyVault();
    BESIDES[name]?.(vault);
    const ask = await asker(vault);
    /** Recorded text to ours: ids of versions, links to pages, backups. */
    const ours = new Map([
      ["https://fakevault:443", vault.url],
      ["https://fakevault", vault.url],
    ]);
    for (const [index, entry] of entries.entries()) {
      vault.store.lag = unseenAfter(entries, index);
      const answer = await ask(translated(entry, ours));
      expect({ at: index, ...shownOf(answer) }).toEqual({ at: index, ...shownOf(recorded(entry)) });
      learn(entry.ResponseBody, answer.body, ours);
    }
  });
});

async function asker(vault: FakeKeyVault): Promise<(entry: Entry) => Promise<Answer>> {
  vault.entra.apps.push({ clientId: "all", secret: SECRET, permissions: ["get", "list", "set"] });
  const http = createHttp({
    provider: "test",
    tls: { ca: readFileSync(vault.caFile) },
    timeoutMs: 5000,
    maxBytes: 1e6,
  });
  const asked = { method: "POST", url: new URL(`${vault.url}/${TENANT}/oauth2/v2.0/token`) };
  const login = await http.request(
    { ...asked, body: `client_id=all&client_secret=${SECRET}` },
    never,
  );
  const { access_token: token } = JSON.parse(login.body.toString()) as { access_token: string };
  return async ({ RequestMethod: method, RequestUri, RequestHeaders, RequestBody }) => {
    const headers: Record<string, string> =
      RequestHeaders["Authorization"] === undefined ? {} : { Authorization: `Bearer ${token}` };
    const body = RequestBody === null ? {} : { body: JSON.stringify(RequestBody) };
    const answer = await http.request(
      { method, url: new URL(RequestUri), headers, ...body },
      never,
    );
    const text = answer.body.toString();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === "" ? null : (JSON.parse(text) as unknown),
    };
  };
}

function recorded({ StatusCode: status, ResponseHeaders, ResponseBody: body }: Entry): Answer {
  const headers = Object.entries(ResponseHeaders).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  return { status, body, headers: Object.fromEntries(headers) as Record<string, unknown> };
}

function translated(entry: Entry, ours: ReadonlyMap<string, string>): Entry {
  // The longest first: a link begins as the address does.
  const known = [...ours].sort(([a], [b]) => b.length - a.length);
  const swap = (text: string): string =>
    known.reduce((all, [theirs, our]) => all.replaceAll(theirs, our), text);
  return {
    ...entry,
    RequestUri: swap(entry.RequestUri.replace(":443/", "/")),
    RequestBody: JSON.parse(swap(JSON.stringify(entry.RequestBody))) as unknown,
  };
}

/** How often the real one did not see yet what this request has done. */
function unseenAfter(entries: readonly Entry[], index: number): number {
  const { RequestUri } = entries[index]!;
  const name = new URL(RequestUri).pathname.split("/")[2] ?? "";
  const about = entries
    .slice(index + 1)
    .filter(({ RequestUri: uri }) => uri.includes(name) || uri.includes("/restore"));
  const seen = about.findIndex(({ StatusCode }) => StatusCode !== 404 && StatusCode !== 409);
  return Math.max(seen, 0);
}

/** Texts of the same place in both answers that later requests name again. */
function learn(theirs: unknown, our: unknown, ours: Map<string, string>): void {
  if (typeof theirs === "string" && typeof our === "string") {
    const [version, ourVersion] = [theirs, our].map((text) => /\/([0-9a-f]{32})$/.exec(text)?.[1]);
    if (version !== undefined && ourVersion !== undefined) ours.set(version, ourVersion);
    else if (theirs.includes("$skiptoken=")) ours.set(theirs.replace(":443/", "/"), our);
    else if (theirs.length > 500) ours.set(theirs, our);
    return;
  }
  if (typeof theirs !== "object" || theirs === null || typeof our !== "object" || our === null)
    return;
  for (const [key, value] of Object.entries(theirs))
    learn(value, (our as Record<string, unknown>)[key], ours);
}

const HEADERS = ["content-type", "www-authenticate", "x-ms-request-id", "date"];

function shownOf({ status, headers, body }: Answer): object {
  const challenge = JSON.stringify(headers["www-authenticate"] ?? "").replaceAll(
    /\\"[^"]*"/g,
    '"…"',
  );
  return {
    status,
    challenge,
    headers: HEADERS.filter((name) => name in headers),
    body: shapeOf(body),
  };
}

/** What kind of thing it is: numbers alike, texts alike, addresses by their path; each place of a list. */
function shapeOf(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => shapeOf(one));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, shapeOf(one, name)]),
    );
  }
  if (typeof value !== "string") return value === null ? null : typeof value;
  if (key === "code") return value;
  if (!value.startsWith("https://")) return "text";
  const { pathname, searchParams } = new URL(value);
  return [pathname.replace(/[0-9a-f]{32}$/, "VERSION"), ...searchParams.keys()].join(" ");
}
