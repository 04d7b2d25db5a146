import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { checkCommands } from "@sotto/testkit/bus-command-cases";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { expect, onTestFinished, test } from "vitest";

test("dead letters are listed and moved back, and queues purged, over RabbitMQ with TLS", async () => {
  const broker = await useRabbitmq();
  onTestFinished(() => broker.stop());
  const folder = mkdtempSync(path.join(os.tmpdir(), "sotto-commands-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const caFile = path.join(folder, "ca.pem");
  writeFileSync(caFile, broker.ca);
  const address = { brokerUrl: broker.url, databaseUrl: "postgres://nobody@127.0.0.1:1/none" };
  expect.hasAssertions();
  await checkCommands({
    ...{ publisher: address, consumer: address, queue: "sotto.notification" },
    env: { MESSAGE_BROKER_URL: broker.tlsUrl, MESSAGE_BROKER_CA_FILE: caFile },
  });
});
