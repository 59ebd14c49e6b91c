/** What is known of other programs by name: proxies that follow labels, and single writers. */
import { describe, expect, it } from "vitest";
import { exclusiveness } from "../../src/diff/method.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { project } from "./build.ts";
import { image } from "./engine.ts";

const reasons = (model: ServiceModel, detail = image("web:1")): readonly string[] => {
  const services = { web: { image: "web:1", ...model } };
  return exclusiveness(project({ services }).services.get("web")!, detail);
};

const TRAEFIK = "Traefik would use a container without a healthcheck at once";
const CADDY = "caddy would use a new container at once";
const NGINX = "nginx-proxy would use a new container at once";
const CHECK = { healthcheck: { test: ["CMD", "true"] } };
const OFF = { healthcheck: { disable: true } };
const NONE = { healthcheck: { test: ["NONE"] } };
const checked = image("web:1", { healthcheckTest: ["CMD", "true"], healthcheckIntervalMs: 30_000 });
const traefik: ServiceModel = { labels: { "traefik.enable": "true" } };

describe("proxies that are steered by labels", () => {
  const cases: readonly (readonly [ServiceModel, string[]])[] = [
    [traefik, [TRAEFIK]],
    [{ labels: { "Traefik.Enable": "true" } }, [TRAEFIK]],
    [{ labels: { "TRAEFIK.HTTP.Routers.web.rule": "Host(`a`)" } }, [TRAEFIK]],
    [{ labels: { "traefik.enable": "False", "traefik.http.routers.web.rule": "x" } }, []],
    [{ labels: { "traefik-like": "x" } }, []],
    [{ ...traefik, ...CHECK }, []],
    [{ ...traefik, ...OFF }, [TRAEFIK]],
    [{ ...traefik, ...NONE }, [TRAEFIK]],
    [{ labels: { caddy: "a.example" } }, [CADDY]],
    [{ labels: { "caddy.reverse_proxy": "x" } }, [CADDY]],
    [{ labels: { caddy_0: "a.example" } }, [CADDY]],
    [{ labels: { "caddy_12.reverse_proxy": "x" } }, [CADDY]],
    [{ labels: { caddy_ingress_network: "x", caddyfile: "x" } }, []],
    [{ labels: { caddy: "a.example" }, ...CHECK }, [CADDY]],
    [{ environment: { VIRTUAL_HOST: "a.example" } }, [NGINX]],
    [{ environment: { VIRTUAL_HOST_MULTIPORTS: "{}" } }, [NGINX]],
    [{ environment: { VIRTUAL_HOST: "a.example" }, ...CHECK }, [NGINX]],
    [{ environment: { VIRTUAL_PORT: "80" } }, []],
  ];
  it.each(cases)("%j", (model, expected) => {
    expect(reasons(model)).toEqual(expected);
  });

  it("the image's healthcheck counts for Traefik, unless the files disable it", () => {
    expect(reasons(traefik, checked)).toEqual([]);
    expect(reasons({ ...traefik, ...OFF }, checked)).toEqual([TRAEFIK]);
    expect(reasons({ ...traefik, ...NONE }, checked)).toEqual([TRAEFIK]);
    expect(reasons({ ...traefik, healthcheck: { interval: "1s" } }, checked)).toEqual([]);
    expect(reasons({ labels: { caddy: "a.example" } }, checked)).toEqual([CADDY]);
  });
});

describe("single writers", () => {
  it.each(["bitnami/mongodb:7", "bitnami/postgresql", "confluentinc/cp-kafka:7.6", "redis-stack"])(
    "%s",
    (name) => {
      expect(reasons({ image: name })).toHaveLength(1);
    },
  );

  it("not what is built here, or is named like one", () => {
    expect(reasons({ image: "mongodb", build: { context: "." } })).toEqual([]);
    expect(reasons({ image: "mongodb-exporter" })).toEqual([]);
  });
});
