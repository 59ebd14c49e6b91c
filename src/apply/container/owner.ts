import { DsoError } from "../../model/errors.ts";
import type { Engine } from "../../model/ports.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who a container runs as, from `user:` of the service or `USER` of the image:
 * `uid`, `uid:gid`, `name` or `name:group`; names are those of the image's own
 * /etc/passwd and /etc/group, as for the engine. Empty means root.
 */
export async function resolveOwner(
  engine: Engine,
  image: string,
  user: string,
  signal: AbortSignal,
): Promise<Owner> {
  if (user === "") return { uid: 0, gid: 0 };
  const [name = "", group] = user.split(":");
  const passwd = await readTable(engine, image, "/etc/passwd", signal);
  const account = passwd.find(([entry, , uid]) => entry === name || uid === name);
  const uid = numeric(name) ?? numeric(account?.[2]);
  if (uid === undefined) throw unknown("user", name, image, "/etc/passwd");
  if (group === undefined || group === "") return { uid, gid: numeric(account?.[3]) ?? 0 };
  const groups =
    numeric(group) === undefined ? await readTable(engine, image, "/etc/group", signal) : [];
  const gid = numeric(group) ?? numeric(groups.find(([entry]) => entry === group)?.[2]);
  if (gid === undefined) throw unknown("group", group, image, "/etc/group");
  return { uid, gid };
}

async function readTable(
  engine: Engine,
  image: string,
  path: string,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const bytes = await engine.readImageFile(image, path, signal);
  return (bytes?.toString("utf8") ?? "").split("\n").map((line) => line.split(":"));
}

function numeric(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function unknown(kind: string, name: string, image: string, path: string): DsoError {
  return new DsoError(
    "compose-invalid",
    `the image ${image} knows no ${kind} "${name}" in ${path}, so its secret files would have no owner`,
    { hint: "Write the number instead, for example user: 1000:1000." },
  );
}
