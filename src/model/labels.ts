/** Compose's own labels, written exactly as Compose writes them. */
export const COMPOSE = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  configHash: "com.docker.compose.config-hash",
  oneoff: "com.docker.compose.oneoff",
  number: "com.docker.compose.container-number",
  image: "com.docker.compose.image",
  dependsOn: "com.docker.compose.depends_on",
  workingDir: "com.docker.compose.project.working_dir",
  configFiles: "com.docker.compose.project.config_files",
  environmentFile: "com.docker.compose.project.environment_file",
  version: "com.docker.compose.version",
  network: "com.docker.compose.network",
  volume: "com.docker.compose.volume",
  slug: "com.docker.compose.slug",
} as const;

/** Ours. None holds a value or a plain hash of one. */
export const DSO = {
  /** The version of DSO that made the object. */
  version: "dso.version",
  /** The canonical service with references, as JSON `{ "v": 1, "service": … }`. */
  spec: "dso.spec",
  /** JSON object: value name (`provider:path#key`) to the version at creation. */
  secrets: "dso.secrets",
  /** Random name of the memory directory that the container reads. */
  generation: "dso.generation",
  /** Id of the rotation that made the container. */
  rotation: "dso.rotation",
  /** On a container that is gone when its work is done: the process that made it, as JSON. */
  throwaway: "dso.throwaway",
} as const;
