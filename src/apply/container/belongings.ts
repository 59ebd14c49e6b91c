import { DSO } from "../../model/labels.ts";
import { isDiskFull, type RotationTools } from "../journal/rotation.ts";

type Tools = Pick<RotationTools, "engine" | "delivery" | "addresses">;

/** As its labels say, or the journal. */
export interface Belongings {
  readonly generation: string | undefined;
  /** Under this id addresses were given to it. */
  readonly rotation: string | undefined;
}

/**
 * Drops what a container has had that is gone: its memory directory and its addresses.
 * Labels can be copied, by a person or by an image that is made of a container: what
 * another container carries too, or what was delivered for another project, stays.
 */
export async function dropBelongings(
  tools: Tools,
  project: string,
  { generation, rotation }: Belongings,
  signal: AbortSignal,
): Promise<void> {
  if (generation !== undefined && !(await isCarried(tools, DSO.generation, generation, signal))) {
    const manifest = await tools.delivery.manifest(generation, signal);
    const own = manifest === undefined || manifest.project === project;
    if (own) await tools.delivery.drop(generation, signal);
  }
  if (rotation !== undefined && !(await isCarried(tools, DSO.rotation, rotation, signal))) {
    await releaseAddresses(tools.addresses, project, rotation);
  }
}

/** A full disk holds nobody up: the next run sees whose they are no more. */
export async function releaseAddresses(
  addresses: Tools["addresses"],
  project: string,
  rotation: string,
): Promise<void> {
  try {
    await addresses.release(project, rotation);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

async function isCarried(
  { engine }: Tools,
  label: string,
  value: string,
  signal: AbortSignal,
): Promise<boolean> {
  return (await engine.listContainers({ label: `${label}=${value}` }, signal)).length > 0;
}
