/** What every `Engine` must do, the one in memory and the real ones. */
import { describe } from "vitest";
import { containerContract } from "./containers.ts";
import { networkContract } from "./networks.ts";
import { scene, type Setting } from "./setting.ts";
import { streamContract } from "./streams.ts";

export function engineContract(name: string, makeEngine: () => Promise<Setting>): void {
  describe(name, () => {
    const stage = scene(makeEngine);
    containerContract(stage);
    networkContract(stage);
    streamContract(stage);
  });
}
