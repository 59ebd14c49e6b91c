import { describe, expect, it } from "vitest";
import { diff } from "../../src/diff/diff.ts";
import { renderPlan } from "../../src/diff/render.ts";
import type { Desired } from "../../src/model/desired.ts";
import { options, project, type ProjectInput } from "./build.ts";
import { applied, empty } from "./engine.ts";

const VERSIONS = { "vault:db": "2" };

function web(value: string, more: Partial<ProjectInput> = {}): Desired {
  const environment = { URL: value };
  return project({
    ...{ services: { web: { image: "web:1", environment } }, versions: VERSIONS },
    ...more,
  });
}

/** What stood there and what is to stand there, at version 1 and then 2. */
function shown(before: Desired, after: Desired): readonly unknown[] {
  const old = { ...before, versions: new Map([["vault:db", "1"]]) };
  const [change] = diff(after, applied(old), options()).changes;
  return (change?.attributes ?? []).flatMap((one) => [one.before, one.after]);
}

describe("the notation of what changes at the place of a value", () => {
  it("is reference and version on both sides, whatever stands around it", () => {
    const embedded = "user {{dso://vault:db#user}} here";
    expect(shown(web(embedded), web("dso://vault:db#user"))).toEqual([
      "dso://vault:db#user @1",
      "dso://vault:db#user @2",
    ]);
    expect(shown(web("dso://vault:db#user"), web("admin"))).toEqual([
      "dso://vault:db#user",
      "admin",
    ]);
  });

  it("tells that only the text around it is another, and not which", () => {
    const [change] = diff(
      web("b {{dso://vault:db#user}}"),
      applied(web("a {{dso://vault:db#user}}")),
      options(),
    ).changes;
    expect(change?.attributes).toMatchObject([
      { before: "dso://vault:db#user @2 in other text", after: "dso://vault:db#user @2" },
    ]);
  });
});

describe("private text of a file or a network", () => {
  const made = (input: ProjectInput): Readonly<Record<string, unknown>> => {
    const desired = project(input);
    const [change] = diff(desired, empty(desired), options()).changes.filter(
      ({ kind }) => kind === "container",
    );
    return Object.fromEntries(
      change!.attributes.map(({ path, after, shown: how }) => [path, [after, how]]),
    );
  };

  it("is called private where it is new", () => {
    const content = { kind: "template", template: ["hunter2"] } as const;
    const desired = project({ services: { web: { image: "web:1" } } });
    const file = { target: "/c", inDirectory: false, content, mode: undefined };
    const service = {
      ...desired.services.get("web")!,
      files: [{ ...file, uid: undefined, gid: undefined }],
    };
    const changed = { ...desired, services: new Map([["web", service]]) };
    const { changes } = diff(changed, empty(changed), options());
    const attributes = changes.flatMap((change) => change.attributes);
    expect(attributes.find(({ path }) => path === "file./c")?.after).toBe("(private)");
  });

  it("is told to be another where it was another, and no more", () => {
    const written = (text: string): Desired => {
      const desired = project({ services: { web: { image: "web:1" } } });
      const content = { kind: "template", template: [text] } as const;
      const file = { target: "/c", inDirectory: false, mode: undefined, uid: undefined };
      const files = [{ ...file, content, gid: undefined }];
      const service = { ...desired.services.get("web")!, files };
      return { ...desired, services: new Map([["web", service]]) };
    };
    const plan = diff(written("hunter2"), applied(written("hunter1")), options());
    expect(plan.changes[0]?.attributes).toMatchObject([{ path: "file./c", shown: "private" }]);
    const text = renderPlan(plan, { color: false, showValues: false });
    expect(text).toContain("~ file./c = (changed)");
  });

  it("stands neither in a reference nor in the path of a host's file nor in an alias", () => {
    const reference = "dsofile://vault:db?target=/x/hunter2&mode=0400#user";
    const attributes = made({
      services: {
        web: {
          model: { image: "web:1", networks: { default: { aliases: ["hunter2"] } } },
          files: { "/run/secrets/a": reference, "/run/secrets/b": "/srv/hunter2" },
        },
      },
      versions: VERSIONS,
      private: ["services.web.networks.default.aliases.0"],
    });
    expect(attributes["networks.default.aliases"]).toEqual([["hunter2"], "private"]);
    expect(attributes["file./run/secrets/a"]).toEqual([
      "dsofile://vault:db?mode=0400#user @2",
      "secret",
    ]);
    expect(attributes["file./run/secrets/b"]).toEqual(["(private)", "secret"]);
  });
});
