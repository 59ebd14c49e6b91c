import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { EngineEvent, Streams } from "../../src/model/ports.ts";
import { never, type Scene } from "./setting.ts";

export function streamContract(stage: Scene): void {
  const { engine, make, run } = stage;
  const images = () => stage.setting().images;

  describe("streams", () => {
    test("runs a command with its own input, output, errors and exit code", async () => {
      const id = await run("web", images().base);
      const said = collect(Readable.from(["hello"]));
      const argv = ["sh", "-c", "cat; echo oops >&2; exit 7"];
      expect(await engine().exec(id, { argv, tty: false }, said.streams, never)).toBe(7);
      expect(said).toMatchObject({ out: "hello", err: "oops\n" });
    });

    test("runs no command in a stopped container", async () => {
      const id = await make("web", images().base);
      const request = { argv: ["true"], tty: false };
      await expect(engine().exec(id, request, collect().streams, never)).rejects.toMatchObject({
        code: "engine-refused",
      });
    });

    test("attaches before the start and ends with the container", async () => {
      const id = await make("job", images().exits);
      const said = collect();
      const { done } = await engine().attach(id, said.streams, never);
      await engine().startContainer(id, never);
      await done;
      expect(said.out).toBe("bye\n");
    });

    test("follows a log until the container ends", async () => {
      const id = await run("job", images().exits);
      const options = { follow: true, timestamps: false };
      let text = "";
      for await (const chunk of engine().logs(id, options, never)) {
        expect(chunk.stream).toBe("stdout");
        text += chunk.data.toString();
      }
      expect(text).toBe("bye\n");
    });

    test("follows a log until it is told to stop", async () => {
      const id = await run("web", images().base);
      const stop = new AbortController();
      const reading = (async () => {
        let chunks = 0;
        const options = { follow: true, timestamps: false };
        for await (const chunk of engine().logs(id, options, stop.signal))
          chunks += chunk.data.length;
        return chunks;
      })();
      await engine().inspectContainer(id, never);
      stop.abort();
      expect(await reading).toBe(0);
    });

    test("tells events from a time on, and ends when told", async () => {
      const label = `com.docker.compose.project=${stage.setting().project}`;
      const id = await make("job", images().exits);
      const born = await firstEvent(stage, label);
      expect(born).toMatchObject({ type: "container", action: "create", id });
      expect(born.timeNano).toMatch(/^\d{19}$/);
      await engine().startContainer(id, never);
      await engine().waitContainer(id, never);
      const stop = new AbortController();
      const actions: string[] = [];
      const options = { since: born.timeNano, labels: [label], container: id };
      for await (const event of engine().events(options, stop.signal)) {
        actions.push(event.action);
        if (event.action !== "die") continue;
        expect(event.attributes).toMatchObject({ exitCode: "3", name: stage.name("job") });
        stop.abort();
      }
      expect(actions.filter((action) => /^(create|start|die)$/.test(action))).toEqual([
        "create",
        "start",
        "die",
      ]);
    });

    test("tells only of the actions that are asked for", async () => {
      const label = `com.docker.compose.project=${stage.setting().project}`;
      const id = await make("job", images().exits);
      const { timeNano: since } = await firstEvent(stage, label);
      await engine().startContainer(id, never);
      await engine().waitContainer(id, never);
      await engine().removeContainer(id, { force: false, volumes: false }, never);
      const stop = new AbortController();
      const seen: string[] = [];
      const options = { since, labels: [label], actions: ["die", "destroy"] };
      for await (const { action } of engine().events(options, stop.signal)) {
        seen.push(action);
        if (action === "destroy") stop.abort();
      }
      expect(seen).toEqual(["die", "destroy"]);
    });
  });
}

async function firstEvent(stage: Scene, label: string): Promise<EngineEvent> {
  const stop = new AbortController();
  for await (const event of stage.engine().events({ since: "0", labels: [label] }, stop.signal)) {
    stop.abort();
    return event;
  }
  throw new Error("no event came");
}

function collect(input?: NodeJS.ReadableStream): { out: string; err: string; streams: Streams } {
  const said = { out: "", err: "" };
  const streams: Streams = {
    ...(input === undefined ? {} : { input }),
    output: (data) => (said.out += data.toString()),
    error: (data) => (said.err += data.toString()),
    tty: false,
  };
  return Object.assign(said, { streams });
}
