import type { ServiceModel } from "../model/project.ts";

/**
 * The model as Compose hashes it: `service:x` becomes the id of x's container,
 * `volumes_from` a list of ids. Where x has no container the text stays, and so
 * the hash cannot match.
 */
export function resolveShared(
  model: ServiceModel,
  idOf: (service: string) => string | undefined,
): ServiceModel {
  const mode = (text: string | undefined): string | undefined => {
    if (text?.startsWith("service:") !== true) return text;
    const id = idOf(text.slice("service:".length));
    return id === undefined ? text : `container:${id}`;
  };
  const [network, ipc, pid] = [mode(model.network_mode), mode(model.ipc), mode(model.pid)];
  return {
    ...model,
    ...(network === undefined ? {} : { network_mode: network }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(pid === undefined ? {} : { pid }),
    ...(model.volumes_from === undefined
      ? {}
      : { volumes_from: model.volumes_from.map((from) => volumeSource(from, idOf)) }),
  };
}

/** Compose drops the `:ro` of a `volumes_from` when it resolves it. */
function volumeSource(from: string, idOf: (service: string) => string | undefined): string {
  const [first = from, second] = from.split(":");
  if (first === "container") return second ?? from;
  return idOf(first) ?? from;
}
