import { describe, expect, test } from "vitest";
import {
  printable,
  Refusal,
  refusalError,
  takenPort,
  unreachable,
} from "../../src/docker/errors.ts";

describe("a refusal", () => {
  test.each([
    [
      'Conflict. The container name "/web" is already in use by container "0123456789abcdef". You have to remove',
      "engine-conflict",
      /"web" is in use by container 0123456789ab/,
    ],
    ["No such image: shop:1", "image-missing", /"shop:1"/],
    ["write /var/lib/docker/x: no space left on device", "disk-full", /no space left/],
    ["Bind for 0.0.0.0:80 failed: port is already allocated", "port-taken", /port 80 is taken/],
    ["Address already in use", "engine-conflict", /Address already in use/],
    ["Pool overlaps with other one on this address space", "engine-conflict", /Pool overlaps/],
    ["network with name a already exists", "engine-conflict", /already exists/],
    [
      'invalid mount config for type "bind": bind source path does not exist: /gone',
      "engine-refused",
      /no \/gone to bind/,
    ],
    ["something new", "engine-refused", /the engine refused: something new/],
  ])("%s", (words, code, message) => {
    const error = refusalError(new Refusal(500, words), "do it");
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(error.message).toMatch(/^do it: /);
  });
});

test.each([
  [
    'exec: "nosuch": executable file not found in $PATH: unknown',
    'the image has no program "nosuch"',
  ],
  [
    'exec: "/no/such": stat /no/such: no such file or directory',
    'the image has no program "/no/such"',
  ],
  [
    'exec: "/etc/passwd": permission denied: unknown',
    'the image\'s program "/etc/passwd" may not be run: permission denied',
  ],
])("a program that cannot be run: %s", (words, message) => {
  const said = `failed to create task for container: runc create failed: ${words}`;
  expect(refusalError(new Refusal(400, said), "start container web")).toMatchObject({
    code: "engine-refused",
    message,
    hint: expect.stringContaining("`entrypoint`") as string,
  });
});

test("what was tried names objects by their short ids", () => {
  const id = "0123456789ab".padEnd(64, "c");
  const error = refusalError(new Refusal(500, "no"), `start container ${id}`);
  expect(error.message).toBe("start container 0123456789ab: the engine refused: no");
});

test.each([
  ["Bind for 127.0.0.1:18080 failed: port is already allocated", "127.0.0.1", 18080],
  [
    "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
    "0.0.0.0",
    80,
  ],
  ["listen udp6 [::]:53: bind: address already in use", "[::]", 53],
  [
    "failed to bind host port for 0.0.0.0:81:172.17.0.2:80/tcp: address already in use",
    "0.0.0.0",
    81,
  ],
  ["failed to bind host port 0.0.0.0:82/tcp: address already in use", "0.0.0.0", 82],
])("the taken port of: %s", (words, hostIp, port) => {
  expect(takenPort(`driver failed programming external connectivity: ${words}`)).toEqual({
    hostIp,
    port,
  });
});

test("an address clash is no port clash", () => {
  expect(takenPort("Address already in use")).toBeUndefined();
});

test("foreign text loses its control characters and line breaks", () => {
  expect(printable("\u001b[31mred\u001b[0m\r\nnext\u0007\u202e!")).toBe("red next!");
});

test.each([
  ["EACCES", /group `docker`/],
  ["ENOENT", /start the engine/],
  ["ENOTFOUND", /does not resolve/],
  ["ECONNREFUSED", /running/],
])("%s comes with advice", (code, hint) => {
  const cause = Object.assign(new Error(`connect ${code}`), { code });
  expect(unreachable("unix:///x", cause)).toMatchObject({
    code: "engine-unreachable",
    message: `no Docker engine at unix:///x: connect ${code}`,
    hint: expect.stringMatching(hint) as string,
  });
});
