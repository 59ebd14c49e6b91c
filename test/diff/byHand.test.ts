import { describe, expect, it } from "vitest";
import { changedLimits } from "../../src/diff/limits.ts";
import { diff } from "../../src/diff/diff.ts";
import type { Observed } from "../../src/model/observed.ts";
import type { Plan } from "../../src/model/plan.ts";
import { options, project } from "./build.ts";
import { applied, change, id } from "./engine.ts";

const INPUT = {
  services: { web: { image: "web:1", networks: { default: null } } },
  networks: { default: {}, back: {} },
};

function joined(observed: Observed, ...names: readonly string[]): Observed {
  const [web] = observed.containers;
  const more = names.map((network) => ({ ...web!.networks[0]!, network, networkId: id(network) }));
  return change(observed, { "shop-web-1": { networks: [...web!.networks, ...more] } });
}

const details = ({ drift }: Plan): readonly (string | undefined)[] =>
  drift.flatMap(({ reasons }) => reasons.map(({ detail }) => detail));

describe("a network that a container joined by hand", () => {
  const desired = project(INPUT);

  it("is drift that the plan tells and leaves", () => {
    const observed = joined(applied(desired), "bridge", "shop_back");
    const plan = diff(desired, observed, options());
    expect(details(plan)).toEqual([
      'attached to network "bridge"',
      'attached to network "shop_back"',
    ]);
    expect([plan.changes, plan.operations]).toEqual([[], []]);
    expect(plan.warnings.map(({ code }) => code)).toEqual(["left-by-hand"]);
    expect(plan.warnings[0]?.hint).toContain("-replace=container.web[1]");
  });

  it("is none where the files have left it", () => {
    const narrower = project({ ...INPUT, networks: { default: {} } });
    const plan = diff(narrower, joined(applied(desired), "shop_back"), options());
    expect(details(plan)).toEqual([]);
    const moved = project({
      ...INPUT,
      services: { web: { image: "web:1", networks: { back: null } } },
    });
    const left = 'attached to network "shop_default"';
    expect(details(diff(moved, applied(desired), options()))).not.toContain(left);
  });
});

describe("limits that were changed in a container that stands", () => {
  it("are told by the names that stand in files", () => {
    const model = { mem_limit: "1048576", cpus: 0.5, restart: "on-failure:3" };
    const made = {
      ...{ Memory: 1048576, MemorySwap: 2097152, NanoCpus: 5e8, PidsLimit: -1, CpuShares: 0 },
      RestartPolicy: { Name: "on-failure" as const, MaximumRetryCount: 3 },
    };
    expect(changedLimits(model, made)).toEqual([]);
    expect(
      changedLimits(model, {
        ...{ ...made, Memory: 4096, NanoCpus: 0, PidsLimit: 9, CpusetCpus: "0" },
        RestartPolicy: { Name: "always", MaximumRetryCount: 0 },
      }),
    ).toEqual([
      "mem_limit is 4096 instead of 1048576",
      "cpus (in billionths) is none instead of 500000000",
      "cpuset is 0 instead of none",
      "pids_limit is 9 instead of none",
      'restart is "always" instead of "on-failure:3"',
    ]);
  });
});
