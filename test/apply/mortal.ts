import type { ApplyContext } from "../../src/apply/context.ts";

/** Everything outside, dead from the nth call on: it answers nothing any more, as after SIGKILL. */
export function mortal(context: ApplyContext, nth: number, when: "before" | "after") {
  let calls = 0;
  let die: () => void = () => undefined;
  const died = new Promise<"killed">((resolve) => {
    die = () => {
      resolve("killed");
    };
  });
  const forever = new Promise<never>(() => undefined);
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return async (...all: unknown[]): Promise<unknown> => {
          calls++;
          if (calls > nth || (calls === nth && when === "before")) {
            die();
            return forever;
          }
          const answer: unknown = await (method as (...all: unknown[]) => unknown)(...all);
          if (calls < nth) return answer;
          die();
          return forever;
        };
      },
    });
  const ports = {
    engine: wrap(context.engine),
    delivery: wrap(context.delivery),
    journal: wrap(context.journal),
    addresses: wrap(context.addresses),
  };
  return { died, context: { ...context, ...ports } };
}
