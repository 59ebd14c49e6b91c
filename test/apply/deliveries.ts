/** What is delivered in the tests of the memory directory. */
import type { DeliveryRequest } from "../../src/model/delivery.ts";
import type { FileDelivery } from "../../src/model/desired.ts";
import { Secret } from "../../src/model/secret.ts";

function file(target: string, more: Partial<FileDelivery> = {}): FileDelivery {
  return {
    target,
    inDirectory: target.startsWith("/run/secrets/"),
    content: { kind: "template", template: [] },
    mode: undefined,
    uid: undefined,
    gid: undefined,
    ...more,
  };
}

/** Target to content. */
export function request(
  files: Record<string, string>,
  more: Partial<FileDelivery> = {},
): DeliveryRequest {
  return {
    project: "shop",
    service: "web",
    number: 1,
    owner: { uid: 1000, gid: 1001 },
    versions: { "local:db#password": "3" },
    files: Object.entries(files).map(([target, text]) => ({
      file: file(target, more),
      content: new Secret(Buffer.from(text)),
    })),
    parts: [],
  };
}
