import { resolve } from "node:path";
import type { SecretProvider } from "../../model/ports.ts";
import { type Opening, requiredText } from "../opening.ts";
import { identityOf } from "./identity.ts";
import { createAgeProvider } from "./provider.ts";

/** An identity that is not there is told by who asks for a value: a plan needs none. */
export function openAgeProvider(opening: Opening): SecretProvider {
  const { name, settings, directory } = opening;
  return createAgeProvider({
    name,
    directory: resolve(directory, requiredText(settings, "path")),
    identity: () => identityOf(opening),
  });
}
