/** A small shop, and plans as text. */
import { planText } from "../../src/diff/text.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import type { ProjectInput } from "./build.ts";

export const db: ServiceModel = {
  image: "postgres:16.1",
  healthcheck: { test: ["CMD", "pg_isready"], interval: "2s" },
  volumes: [{ type: "volume", source: "data", target: "/var/lib/postgresql/data" }],
};
export const web: ServiceModel = {
  image: "web:1",
  environment: { LOG: "info", PASSWORD: "dso://vault:db#password" },
  depends_on: { db: { condition: "service_healthy" } },
};
export const SHOP: ProjectInput = {
  services: { web, db },
  volumes: { data: {} },
  versions: { "vault:db": "7" },
};

/** Operations, one a line, indented as the expectations are. */
export function text(plan: Plan): string {
  return `\n${planText(plan)}`.replaceAll("\n", "\n      ");
}

export function reasons(plan: Plan): Record<string, string[]> {
  return Object.fromEntries(
    plan.changes.map(({ address, reasons: all }) => [address, all.map(({ code }) => code)]),
  );
}
