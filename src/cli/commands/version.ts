import type { Command } from "commander";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  command.option("--json", "as one JSON object").action((flags: { readonly json?: boolean }) => {
    const { version } = session;
    const facts = { version, node: process.versions.node, platform: platform() };
    if (flags.json === true) print(session, JSON.stringify(facts));
    else print(session, `Docker Secret Operator v${version}\non ${platform()}, Node ${facts.node}`);
  });
}

function platform(): string {
  return `${process.platform}_${process.arch}`;
}
