/** Programs of which two on one set of data destroy it, known by the names of their images. */
import type { DesiredService } from "../model/desired.ts";

const SINGLE_WRITERS: ReadonlySet<string> = new Set([
  ...["postgres", "postgresql", "postgis", "timescaledb", "mysql", "mariadb", "percona"],
  ...[
    "mongo",
    "mongodb",
    "couchdb",
    "redis",
    "redis-stack",
    "redis-stack-server",
    "valkey",
    "keydb",
  ],
  ...["rabbitmq", "nats", "kafka", "cp-kafka", "zookeeper", "cp-zookeeper", "etcd", "consul"],
  ...["elasticsearch", "opensearch", "influxdb", "clickhouse-server", "cassandra", "neo4j"],
  ...["minio", "vault", "memcached", "mosquitto", "eclipse-mosquitto", "activemq"],
]);

/** As a reason for people; empty where it is none of them. */
export function singleWriter({ image, model }: DesiredService): readonly string[] {
  // What is built here has a name of its own choosing.
  if (model.build !== undefined) return [];
  const repository = image.split("@")[0]?.split("/").at(-1)?.split(":")[0] ?? image;
  return SINGLE_WRITERS.has(repository) ? [`the single writer "${repository}"`] : [];
}
