/** The JSON objects in a text that comes in parts, one after the other, in whatever lines: as Compose reads them. */

export interface MessageSplitter {
  /** The next part; throws `SyntaxError`, without a word of it, for what stands between two objects. */
  readonly take: (text: string) => void;
  /** Throws `SyntaxError` where the last one has no end. */
  readonly end: () => void;
}

/** `each` gets the text from a `{` to its `}`, which may still be no JSON. */
export function splitMessages(each: (object: string) => void): MessageSplitter {
  let object = "";
  let depth = 0;
  let inString = false;
  let escaped = false;
  const inside = (character: string): void => {
    if (inString) {
      if (!escaped && character === '"') inString = false;
      escaped = !escaped && character === "\\";
    } else if (character === '"') inString = true;
    else if (character === "{") depth += 1;
    else if (character === "}") depth -= 1;
  };
  return {
    take(text) {
      let from = 0;
      for (let at = 0; at < text.length; at += 1) {
        const character = text.charAt(at);
        if (depth === 0 && character !== "{") {
          if (!/[ \t\r\n]/.test(character)) throw new SyntaxError("no JSON object");
          continue;
        }
        if (depth === 0) from = at;
        inside(character);
        if (depth > 0) continue;
        const whole = object + text.slice(from, at + 1);
        object = "";
        each(whole);
      }
      if (depth > 0) object += text.slice(from);
    },
    end() {
      if (depth > 0) throw new SyntaxError("an object without an end");
    },
  };
}
