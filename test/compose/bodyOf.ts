import { createBody, type CreateContext } from "../../src/compose/create/createBody.ts";
import { projectOf } from "../fakes/project.ts";

/** Of the second replica of the service `web`, beside one container of `db`. */
export async function bodyOf(compose: string, context: Partial<CreateContext> = {}) {
  const project = await projectOf(compose);
  const service = project.services.get("web");
  if (service === undefined) throw new Error("no service web");
  return createBody(service, {
    project,
    serviceName: "web",
    number: 2,
    containerName: "shop-web-2",
    image: "nginx",
    imageId: "sha256:1",
    configHash: "h",
    apiVersion: "1.41",
    containersOf: (name) => (name === "db" ? [{ id: "d".repeat(64), name: "shop-db-1" }] : []),
    proxies: {},
    delivered: new Set(),
    readFile: (path) => `{ "of":\n "${path}" }`,
    ...context,
  });
}

/** A file with the service `web` of these fields. */
export const web = (fields: string, more = "") =>
  `services: {web: {image: nginx, ${fields}}, db: {image: db}}\n${more}`;
