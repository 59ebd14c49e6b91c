import { type Command, InvalidArgumentError } from "commander";
import { Secret } from "../../../model/secret.ts";
import { askHidden, readSecret } from "../../input.ts";
import { withContext } from "../../request.ts";
import { expectUsers, rotateUsers } from "../../rotate.ts";
import { isInteractive, note, print, type Session } from "../../session.ts";
import { localName } from "../../vault.ts";

interface Flags {
  readonly cas?: number;
  readonly apply: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("<name>", "such as app/db_password, or app/db#password for one key of several")
    .argument("[value]", "the value; - reads standard input; without it you are asked")
    .option("--cas <version>", "only if this is the current version; 0: only if it is new", version)
    .option("--no-apply", "store it, and leave the projects that use it for later")
    .action((text: string, value: string | undefined, flags: Flags) =>
      withContext(session, command, async (context) => {
        const name = localName(context, text);
        if (flags.apply) await expectUsers(context, session, name.path);
        using secret = await readValue(session, text, value);
        const vault = await context.openVault(session.signal);
        const expected = flags.cas === undefined ? {} : { expected: flags.cas };
        const stored = await vault.set(name, secret, expected, session.signal);
        print(session, `Stored ${text}, version ${stored}.`);
        if (flags.apply) await rotateUsers(context, session, command, [name.path]);
      }),
    );
}

async function readValue(
  session: Session,
  name: string,
  value: string | undefined,
): Promise<Secret> {
  if (value === "-" || (value === undefined && session.input.isTTY !== true)) {
    return readSecret(session);
  }
  if (value === undefined) return askHidden(session, `Value of ${name} (hidden): `);
  if (isInteractive(session)) {
    note(session, "Warning: a value on the command line can be seen by others while this runs,");
    note(session, "and stays in the shell's history. Leave it out, and you are asked for it.");
  }
  return new Secret(Buffer.from(value));
}

function version(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Write a number from 0 on.");
  return Number(text);
}
