/** Containers of the same file, made by the newest Docker Compose and by us, as the engine shows them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { inspected } from "./inspected.ts";

const FILE = `
x-base: &base { image: "dso-test/busybox:1", stop_grace_period: 1s }
services:
  limits:
    <<: *base
    ports: ["127.0.0.1::80/udp", "[::1]::81", "82"]
    expose: ["9000-9001"]
    deploy: { resources: { limits: { cpus: "0.3", memory: 64M, pids: 50 }, reservations: { memory: 32M } } }
    ulimits: { nofile: { soft: 1000, hard: 2000 }, core: 0 }
    oom_score_adj: 100
    shm_size: 16m
    init: true
    restart: on-failure:2
    logging: { driver: json-file, options: { max-size: 1m, max-file: 2 } }
  kernel:
    <<: *base
    security_opt: ["seccomp=profile.json", "no-new-privileges:true", "systempaths=unconfined"]
    cap_add: [net_admin]
    cap_drop: [CHOWN, MKNOD]
    sysctls: { net.ipv4.ip_unprivileged_port_start: 0 }
    devices: ["/dev/null:/dev/nothing:r"]
    device_cgroup_rules: ["c 1:3 mr"]
    group_add: [app, 1000]
    cgroup_parent: dso-fields
    ipc: shareable
    read_only: true
    privileged: false
    tmpfs: ["/run:size=1m", /cache]
    volumes: [{ type: tmpfs, target: /memory, tmpfs: { size: 1000000, mode: 0700 } }]
    hostname: some-host
    domainname: example.test
    extra_hosts: ["one:10.0.0.1", "gate:host-gateway"]
    dns: [10.0.0.2]
    dns_search: [example.test]
    dns_opt: ["ndots:2"]
    user: "1000:1001"
    working_dir: /tmp
    tty: true
    stdin_open: true
    stop_signal: SIGINT
    labels: { team: "a=b" }
  mounts:
    <<: *base
    volumes:
      - ./made:/made:ro
      - data:/data
      - /anonymous
      - { type: volume, source: data, target: /long, read_only: true, volume: { nocopy: true } }
      - { type: bind, source: ./file, target: /file, bind: { create_host_path: false, propagation: private } }
    healthcheck: { test: test -e /data, interval: 90s, timeout: 2s, retries: 4, start_period: 1s }
    secrets: [certificate, { source: certificate, target: /etc/certificate }]
    configs: [{ source: settings, target: settings.ini }]
    entrypoint: ["/bin/sh", "-c"]
    command: ["exec idle"]
  joined: { <<: *base, uts: host, network_mode: "service:mounts", ipc: "service:kernel", pid: "service:mounts", volumes_from: [mounts] }
  networked:
    <<: *base
    networks:
      fixed: { aliases: [other], ipv4_address: 10.213.47.9, priority: 5 }
      default: { aliases: [one] }
    mac_address: 02:42:0a:d5:2f:09
  linked: { <<: *base, links: ["mounts:db", kernel], external_links: ["%NAME%-mounts-1:outer"] }
networks:
  fixed: { ipam: { config: [{ subnet: 10.213.47.0/24, gateway: 10.213.47.3 }] }, internal: true, labels: { a: b } }
volumes:
  data: { labels: { of: fields }, driver: local, driver_opts: { type: tmpfs, device: tmpfs, o: size=1m } }
secrets: { certificate: { file: ./certificate.pem } }
configs: { settings: { file: ./settings.ini } }
`;
const FILES = {
  "profile.json": '{ "defaultAction": "SCMP_ACT_ALLOW" }',
  "certificate.pem": "certificate",
  "settings.ini": "settings",
  file: "file",
};

let home: Home;

beforeAll(async () => {
  await ensureTestImage("base");
  await ensureTestImage("http");
  home = await createHome();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

it("what Compose makes of a file, and we", async () => {
  const project = await home.project(FILES, "fields");
  await project.write("compose.yaml", FILE.replace("%NAME%", project.name));
  await project.newest("up -d");
  const theirs = await inspected(home, project);
  await project.newest("down -v -t 1");
  await project.dso("up -d");
  const ours = await inspected(home, project);
  expect(Object.keys(theirs)).toHaveLength(6 + 2 + 1);
  expect(ours).toEqual(theirs);
  expect((await project.dso("plan -detailed-exitcode")).stdout).toContain("No changes");
  const before = await project.containers();
  await project.newest("up -d");
  expect(await project.containers()).toEqual(before);
});

describe("a link", () => {
  const LINKS = `
services:
  web:
    image: dso-test/http:1
    environment: { V: one }
    x-dso: { health: { tcp: { port: 8080 } }, drain: 0s }
  client:
    image: dso-test/busybox:1
    links: ["web:shop"]
    depends_on: { web: { condition: service_started } }
    stop_grace_period: 1s
`;
  const ask = async ({ name }: Project, alias: string): Promise<string> => {
    // A static busybox asks no name server by itself.
    const address = `$(nslookup ${alias} | sed -n 's/^Address: //p')`;
    const command = `wget -q -O - "http://${address}:8080/cgi-bin/env?V"`;
    const args = ["exec", `${name}-client-1`, "sh", "-c", command];
    return (await home.run("docker", args)).stdout.trim();
  };

  it("leads to the container that took the place of the linked one", async () => {
    const project = await home.project({ "compose.yaml": LINKS }, "linked");
    await project.dso("up -d");
    expect(await ask(project, "shop")).toBe("one");
    const [client] = await project.containers();
    await project.write("compose.yaml", LINKS.replace("one", "two"));
    expect((await project.dso("plan")).stdout).toContain(
      "container.web[1] will be replaced by blue-green, no expected downtime",
    );
    await project.dso("up -d");
    expect((await project.containers())[0]).toBe(client);
    for (const alias of ["shop", "web-1", `${project.name}-web-1`]) {
      expect(await ask(project, alias)).toBe("two");
    }
  });
});

describe("files that ask for an owner or a mode", () => {
  const GRANTS = `
services:
  app:
    image: dso-test/busybox:1
    user: app
    read_only: true
    stop_grace_period: 1s
    environment: { NAME: value }
    secrets:
      - { source: file, target: own, uid: "1000", mode: 0440 }
      - { source: variable, gid: "7" }
    configs:
      - { source: file, target: /etc/own.ini, mode: 0404 }
      - { source: text, target: /srv/text.ini }
      - { source: variable, target: variable.ini, uid: "5", gid: "6", mode: 0400 }
secrets: { file: { file: ./secret.txt }, variable: { environment: SHOWN } }
configs:
  file: { file: ./config.ini }
  text: { content: "user=\${SHOWN:-none} price=$$5" }
  variable: { environment: SHOWN }
`;
  const OWNED = { "secret.txt": "secret", "config.ini": "config" };

  it("have them, from memory, on a read-only root", async () => {
    const project = await home.project({ "compose.yaml": GRANTS, ...OWNED }, "owned");
    const environment = { SHOWN: "shown-value" };
    await project.dso("up -d", { environment });
    const look = `for f in /run/secrets/own /run/secrets/variable /etc/own.ini /srv/text.ini /variable.ini; do stat -L -c '%a %u:%g' $f; cat $f; echo; done`;
    const args = ["exec", "-u", "0", `${project.name}-app-1`, "sh", "-c", look];
    expect((await home.run("docker", args)).stdout.trim().split("\n")).toEqual([
      ...["440 1000:1001", "secret", "400 1000:7", "shown-value", "404 1000:1001", "config"],
      ...["444 1000:1001", "user=shown-value price=$5", "400 5:6", "shown-value"],
    ]);
    const plan = await project.dso("plan -detailed-exitcode", { environment });
    expect(plan.stdout).toContain("No changes");
  });
});
