/** The projects of the hunt: every way in which a value comes to a program, and programs that tell. */

/** Fails, showing what it was given, where that begins with "bad-". */
const PICKY = 'grep -q ^bad- "$$FILE" && { cat "$$FILE"; exit 3; }; exec /bin/idle';
/** The same with a variable: what a program that crashes prints of its environment. */
const CRASHES =
  'case "$$PASSWORD" in bad-*) env; export -p; echo "$$PASSWORD" | base64; exit 3;; esac; exec /bin/idle';

/**
 * Files, sealed variables, an image that is built, and the control: a variable in the open. `talker` ends its
 * line: the engine keeps none of it before that.
 */
export function compose(image: string): string {
  return `services:
  web:
    image: ${image}
    user: "1000"
    command: [sh, -c, 'cat "$$PASSWORD_FILE" >/dev/null && exec /bin/serve']
    environment:
      PASSWORD_FILE: dsofile://app/password
      CERTIFICATE: dsofile://app/certificate?target=/etc/app/certificate&mode=0440&uid=1000&gid=1001
    secrets: [token]
    configs: [{ source: settings, target: /run/secrets/settings }]
    healthcheck: { test: [CMD-SHELL, "test -s $$PASSWORD_FILE && wget -q -O /dev/null http://127.0.0.1:8080/"], interval: 1s }
    volumes: [data:/data]
  quiet:
    image: ${image}
    environment: { FILE: dsofile://app/quiet }
    command: [sh, -c, '${PICKY}']
    logging: { driver: none }
  talker:
    image: ${image}
    environment: { FILE: dsofile://app/spoken }
    command: [sh, -c, 'cat "$$FILE"; echo; ${PICKY}']
  doubtful:
    image: ${image}
    environment: { FILE: dsofile://app/doubtful }
    command: [/bin/idle]
    healthcheck: { test: [CMD-SHELL, 'cat "$$FILE"; ! grep -q ^bad- "$$FILE"'], interval: 1s, retries: 1 }
  sealed: ${sealed(image, "app/sealed")}
  built:
    build: { context: ., dockerfile_inline: "FROM ${image}\\nARG WHO\\nRUN echo $$WHO > /who", args: { WHO: you } }
    environment: { TOKEN: dso://app/token }
    command: [/bin/idle]
  control:
    image: ${image}
    environment: { EXPOSED: dso://app/exposed }
    command: [/bin/idle]
    x-dso: { env: exposed }
secrets:
  token: { external: true, name: dso://app/token }
configs:
  settings: { content: "url=postgres://app:{{dso://app/half}}@db/shop" }
volumes: { data: {} }
`;
}

/** One service that is sealed, by whatever the release has for that. */
export function sealedOnly(image: string): string {
  return `services:\n  shelled: ${sealed(image, "app/shelled")}`;
}

function sealed(image: string, secret: string): string {
  return `
    image: ${image}
    environment: { PASSWORD: dso://${secret}, URL: "postgres://app:{{dso://app/part}}@db/shop" }
    command: [sh, -c, '${CRASHES}']
    healthcheck: { test: [CMD-SHELL, 'test -n "$$PASSWORD"'], interval: 1s }
`;
}

/** Of every grade, for an engine that refuses it and says all that it was asked for. */
export function refusedOnly(image: string): string {
  return `services:
  open:
    image: ${image}
    environment: { EXPOSED: dso://app/refused, FILE: dsofile://app/refused, SEALED: "a {{dso://app/refused}}" }
    x-dso: { env: exposed }
  hidden:
    image: ${image}
    environment: { FILE: dsofile://app/refused, SEALED: "a {{dso://app/refused}}" }
`;
}
