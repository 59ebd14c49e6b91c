/** A project that was never applied to its end, and that a killed run has left half done. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { acquireLock } from "../../src/lib/lock.ts";
import { never } from "../reconciler/world.ts";
import { type Agency, COMPOSE, until, withAgency } from "./agency.ts";

/** As after a SIGKILL in the last step of the first `dso apply`; the files have moved on since. */
async function leaveHalfDone(agency: Agency): Promise<string> {
  await agency.dso("up", "-d");
  await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
  await agency.dso("up", "-d");
  await agency.context.state.forget("shop");
  await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: c"));
  const [id, rotation] = [...agency.rotations].at(-1) ?? [];
  agency.rotations.set(id!, { ...rotation!, status: "in_progress", step: "remove-old" });
  return id!;
}

const modeOf = async ({ engine }: Agency): Promise<string | undefined> =>
  (await engine.inspectContainer("shop-web-1", never))?.config.Env.find((one) =>
    one.startsWith("MODE="),
  );

const isMended = ({ rotations }: Agency, id: string): boolean =>
  rotations.get(id)?.status === "completed";

/** As the journal does when it is written. */
const writeJournal = ({ context }: Agency): Promise<void> =>
  writeFile(join(context.paths.stateDir, "rotations-shop.json"), "[]", { mode: 0o600 });

describe("a project that nobody looks after, left half done", () => {
  it("is mended and told of at the agent's start, and nothing of its files is rolled out", () =>
    withAgency(async (agency) => {
      const id = await leaveHalfDone(agency);
      expect((await agency.dso("status"))[1]).toMatch(
        /Pending rotations\s+shop: web\[1\] in_progress/,
      );
      await agency.start();
      const about = (code: string): boolean =>
        agency.records.some((one) => one.code === code && one["project"] === "shop");
      await until(() => isMended(agency, id) && about("recovered"));
      expect(about("half-done")).toBe(true);
      await until(() => agency.records.some(({ msg }) => /waits for dso apply/.test(msg)));
      expect(await modeOf(agency)).toBe("MODE=b");
      expect(await agency.context.state.registered("shop")).toBeUndefined();
    }));

  it("is left to the command that works on it, and mended once that is gone", () =>
    withAgency(async (agency) => {
      const { locksDir } = agency.context.paths;
      const options = { operation: "apply of project shop", timeoutMs: 0 };
      const id = await leaveHalfDone(agency);
      const rotation = agency.rotations.get(id)!;
      agency.rotations.set(id, { ...rotation, status: "completed" });
      await agency.start();
      // Who asks for it is answered once the agent has looked for what is half done.
      const asked = (await agency.control()).reconcile("shop", false, () => undefined);
      await expect(asked).rejects.toMatchObject({ code: "usage" });
      agency.rotations.set(id, rotation);
      const lock = await acquireLock(join(locksDir, "project-shop.lock"), options, never);
      await writeJournal(agency);
      await until(async () => {
        const { records } = agency;
        return records.some(({ msg }) => msg.startsWith("Looked:") && msg.includes("is locked by"));
      });
      expect(isMended(agency, id)).toBe(false);
      await lock.release();
      await until(() => isMended(agency, id));
      expect(await modeOf(agency)).toBe("MODE=b");
    }));

  it("is not taken for gone where it was begun on another engine", () =>
    withAgency(async (agency) => {
      const id = await leaveHalfDone(agency);
      const { containers } = await agency.engine.listProject("shop", never);
      for (const one of containers) {
        await agency.engine.removeContainer(one.id, { force: true, volumes: false }, never);
      }
      await agency.start();
      await until(() => agency.records.some(({ msg }) => msg === "Looked: taken down"));
      expect(agency.rotations.get(id)?.status).toBe("in_progress");
    }));
});
