/** What a provider's program writes: JSON objects, by Compose's protocol for providers. */
import { DsoError } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import { splitMessages } from "./messages.ts";

export interface Hearer {
  /** For people: `debug` only where somebody wants it. */
  readonly tell: (kind: "info" | "debug", text: string) => void;
}

export interface AnswerReader {
  /** Throws `program-failed` for a line that is not of the protocol. */
  readonly line: (text: string) => void;
  /** After the last line; throws `program-failed` where it ends in the middle of a message. */
  readonly end: () => void;
  /** Variable, as dependents get it, to value: whoever has it drops the values. */
  readonly given: Map<string, Secret>;
  /** The program's own words, where it says that it failed. */
  readonly fault: () => string | undefined;
}

/** `setenv` is prefixed by the service's name in capitals, `rawsetenv` is taken as it is. */
export function readAnswer(service: string, hearer: Hearer): AnswerReader {
  const given = new Map<string, Secret>();
  let fault: string | undefined;
  const set = (name: string, value: string): void => {
    given.get(name)?.drop();
    given.set(name, new Secret(Buffer.from(value)));
  };
  const take = (object: string): void => {
    const { type, message } = parse(service, object);
    switch (type) {
      case "info":
      case "debug":
        hearer.tell(type, message);
        return;
      case "error":
        fault ??= message;
        return;
      case "setenv":
      case "rawsetenv": {
        const [name, value] = variable(service, type, message);
        set(type === "setenv" ? `${service.toUpperCase()}_${name}` : name, value);
        return;
      }
      default:
        throw broken(
          service,
          `a message of ${/^[a-z-]{1,40}$/.test(type) ? `the type "${type}"` : "no type that there is"}`,
        );
    }
  };
  const messages = splitMessages(take);
  return {
    given,
    fault: () => fault,
    line: (text) => readable(service, () => messages.take(`${text}\n`)),
    end: () => readable(service, messages.end),
  };
}

function readable(service: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof SyntaxError) throw broken(service, "what is no JSON object");
    throw error;
  }
}

function parse(service: string, text: string): { readonly type: string; readonly message: string } {
  const found = parseJson(service, text) as {
    readonly type?: unknown;
    readonly message?: unknown;
  };
  const { type } = found;
  const message = found.message ?? "";
  if (typeof type !== "string" || typeof message !== "string") {
    throw broken(service, "a message without a type");
  }
  return { type, message };
}

function parseJson(service: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error would quote the text, and there may be a value in it.
    throw broken(service, "an object that is no JSON");
  }
}

function variable(service: string, type: string, message: string): readonly [string, string] {
  const equals = message.indexOf("=");
  if (equals > 0 && !message.includes("\0")) {
    return [message.slice(0, equals), message.slice(equals + 1)];
  }
  throw broken(service, `a ${type} that is not NAME=value`);
}

function broken(service: string, what: string): DsoError {
  return new DsoError("program-failed", `service "${service}": its program wrote ${what}`, {
    hint: 'Its output is {"type": …, "message": …} of the type info, error, debug, setenv or rawsetenv.',
  });
}
