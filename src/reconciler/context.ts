import type { ApplyContext } from "../apply/context.ts";
import type { Config } from "../config/types.ts";
import type { Paths } from "../config/paths.ts";
import type { Snapshot } from "../sources/snapshot.ts";
import type { Delivery, Shim } from "../model/delivery.ts";
import type { ImageBuilder } from "../model/build.ts";
import type { Clock, Engine, Random, Sockets } from "../model/ports.ts";
import type { ProviderPrograms } from "../model/providerPrograms.ts";
import type { Cache } from "../providers/cache/cache.ts";
import type { VaultOptions } from "../providers/local/unlocked.ts";
import type { LocalVault } from "../providers/local/vault.ts";
import type { Providers } from "../providers/registry.ts";
import type { ProjectState } from "./state.ts";

/** Everything that the loop works with; `wire.ts` makes it, tests make their own. */
export interface Context {
  readonly config: Config;
  /** Where dso.yaml is, or may come to be; how it was there when it was about to be read. */
  readonly configPlaces: Snapshot;
  readonly paths: Paths;
  readonly engine: Engine;
  readonly builder: ImageBuilder;
  readonly delivery: Delivery;
  readonly shim: Shim;
  readonly providers: Providers;
  /** What stores have said so far; undefined in a process that soon ends. */
  readonly cache: Cache | undefined;
  readonly journal: ApplyContext["journal"];
  readonly addresses: ApplyContext["addresses"];
  readonly state: ProjectState;
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly programs: ProviderPrograms;
  readonly random: Random;
  /** The variables that Docker's configuration gives to containers. */
  readonly proxies: () => Promise<Readonly<Record<string, string>>>;
  /** Of the process; the loader interpolates with it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly version: string;
  /** Where the local vault lies and what opens it; for commands that make or mend it. */
  readonly vault: VaultOptions;
  /** The local vault, unlocked once per process. */
  openVault(signal: AbortSignal): Promise<LocalVault>;
  /** Who asks: `user@host (pid 12)`, for locks and history. */
  readonly who: string;
}
