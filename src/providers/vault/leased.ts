/** An engine of Vault or OpenBao that issues credentials for a time, as one provider among others. */
import { DsoError } from "../../model/errors.ts";
import type { Clock, SecretData, SecretProvider, SecretRequest } from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, healthOf } from "../answers.ts";
import type { Http } from "../http.ts";
import type { Ledger, LeaseStore } from "../leases/store.ts";
import {
  type Book,
  isAlive,
  isToRenew,
  type LeaseRecord,
  lineOf,
  recordOf,
  toldGeneration,
  versionOf,
  withLine,
  withRecord,
} from "../leases/terms.ts";
import { createApi, field, textField, type VaultAddress, urlPath } from "./api.ts";
import { askedFor, serverOf } from "./askedFor.ts";
import { type Engine, faultOfPath } from "./engines.ts";
import { issue, recoverIssuing } from "./issue.ts";
import { keepLeases, renewRecord } from "./keep.ts";
import type { Login } from "./login.ts";
import type { Leasing } from "./leasing.ts";
import { createSession } from "./session.ts";

export interface LeasedOptions extends VaultAddress {
  readonly http: Http;
  readonly login: Login;
  readonly mount: string;
  readonly engine: Engine;
  readonly store: LeaseStore;
  readonly clock: Pick<Clock, "elapsed" | "now">;
}

export function createLeasedProvider(options: LeasedOptions): SecretProvider {
  const { provider, login, clock, http, mount, engine, store } = options;
  const api = createApi(http, options);
  const session = createSession({ api, provider, login, clock });
  const asked = (path: string): string => askedFor(options, path);
  const leasing = {
    ...{ provider, mount, engine, api, session, login, store, clock },
    ...{ askedFor: asked, server: serverOf(options) },
  };
  return {
    name: provider,
    versions: async (requests, signal) => {
      signal.throwIfAborted();
      const book = await store.look(provider);
      const told = (request: SecretRequest): Version => toldIn(leasing, book, request);
      return answerEach(requests, told, signal);
    },
    read: (requests, signal) =>
      answerEach(requests, (request) => readOne(leasing, request, signal), signal),
    leases: keepLeases(leasing),
    check: (signal) => healthOf(() => checkMount(leasing, signal)),
    close: async () => {
      await session.close();
      http.close();
    },
  };
}

/** Nothing is issued, nor even asked: what is held is known, and what would be next is, too. */
function toldIn(leasing: Leasing, book: Book, { path, pinned }: SecretRequest): Version {
  const fault = faultOfPath(leasing, path);
  if (fault !== undefined) throw fault;
  const { store, clock } = leasing;
  const line = lineOf(book, path);
  if (pinned === undefined) {
    const wanted = leasing.askedFor(path);
    const isUsable = (record: LeaseRecord): boolean =>
      (record.asked ?? wanted) === wanted && store.isHeld(record);
    return versionOf(toldGeneration(line, clock.now(), isUsable));
  }
  const held = line.records.some(
    (record) =>
      versionOf(record.generation) === pinned &&
      isAlive(record, clock.now()) &&
      store.isHeld(record),
  );
  if (!held && versionOf(line.last + 1) !== pinned) throw gone(leasing, path, pinned);
  return pinned;
}

/** The values of a generation that is held; the next one is issued. */
function readOne(
  leasing: Leasing,
  request: SecretRequest,
  signal: AbortSignal,
): Promise<SecretData> {
  const { provider, store, clock } = leasing;
  return store.change(
    provider,
    async (ledger, within) => {
      const left = await recovered(leasing, ledger, within);
      const { path } = request;
      const version = toldIn(leasing, ledger.book, request);
      const line = lineOf(ledger.book, path);
      const found = recordOf(line, version);
      if (found === undefined) {
        if (left !== undefined && left.code !== "secret-denied") throw left;
        return issue(leasing, ledger, path, within);
      }
      // Whoever gets it now is to have it for a while; where that cannot be asked, it is good as it is.
      const isLate = isToRenew(found, clock.now());
      const record = isLate ? await renewRecord(leasing, ledger, path, found, within) : found;
      const isOver = !isAlive(record, clock.now());
      const values = isOver ? undefined : await ledger.kept(record, "values");
      if (values === undefined) throw gone(leasing, path, version);
      const read = withRecord(lineOf(ledger.book, path), { ...record, readAt: clock.now() });
      await ledger.write(withLine(ledger.book, path, read));
      return { version, values };
    },
    signal,
  );
}

/** Why something that was only begun is still there: what is held is no worse for it. */
function recovered(
  leasing: Leasing,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<DsoError | undefined> {
  return recoverIssuing(leasing, ledger, signal).then(
    () => undefined,
    (error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof DsoError) return error;
      throw error;
    },
  );
}

function gone({ provider }: Leasing, path: string, version: Version): DsoError {
  return new DsoError(
    "secret-version-gone",
    `the credentials ${version} of "${provider}:${path}" were given back, or have ended`,
    { hint: "Nobody can have them again: a new plan takes those that are issued next." },
  );
}

/** Rejects with `config-invalid` where the mount is another one; where our token may not ask, it is taken for right. */
async function checkMount(leasing: Leasing, signal: AbortSignal): Promise<void> {
  const { provider, mount, engine, session } = leasing;
  const path = `sys/internal/ui/mounts/${urlPath(mount)}`;
  const { status, body, errors } = await session.tryCall({ method: "GET", path }, signal);
  if (status === 403) return;
  const type = textField(field(body, "data"), "type");
  if (status === 200 && type === engine.kind) return;
  const what =
    status === 200 ? `is of type ${type ?? "none"}, and not ${engine.kind}` : "is not there";
  const said = errors.length > 0 ? `: ${errors.join("; ")}` : "";
  throw new DsoError(
    "config-invalid",
    `provider "${provider}": the mount "${mount}" ${what}${said}`,
    {
      hint: `Correct engine or mount_path of providers.${provider}.`,
    },
  );
}
