// Global set-up of the vitest project "e2e": its files share RabbitMQs, as many as run side by side.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import type { TestProject } from "vitest/node";
import { startRabbitmq, type TestRabbitmq } from "./rabbitmq.ts";
import type { BrokerCommand } from "./shared-rabbitmq.ts";

type Kept = { readonly starting: Promise<TestRabbitmq>; isLent: boolean };

/** Hands the address of the one who keeps the brokers to the tests, and stops the brokers afterwards. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kept: Kept[] = [];
  const server = createServer(async (request, response) => {
    try {
      const answer = await carryOut(kept, (await json(request)) as BrokerCommand);
      response.end(JSON.stringify(answer));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the keeper of RabbitMQ has no port");
  project.provide("rabbitmqKeeper", `http://127.0.0.1:${address.port}`);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await Promise.all(kept.map(async ({ starting }) => (await starting).stop()));
  };
}

async function carryOut(kept: Kept[], { name, index, args }: BrokerCommand): Promise<unknown> {
  if (name === "lend") return lend(kept);
  const found = kept[index];
  if (found === undefined) throw new Error(`there is no broker ${index}`);
  const broker = await found.starting;
  if (name === "ctl") return broker.ctl(...args);
  if (name === "return") found.isLent = false;
  else await broker[name]();
  return {};
}

/** One that nobody has, or a new one. */
async function lend(kept: Kept[]): Promise<unknown> {
  let index = kept.findIndex(({ isLent }) => !isLent);
  if (index === -1) index = kept.push({ starting: startRabbitmq(), isLent: false }) - 1;
  const found = kept[index] as Kept;
  found.isLent = true;
  const broker = await found.starting;
  // Whoever had it before may have left it dead.
  await broker.restart();
  const { url, tlsUrl, ca, dir } = broker;
  return { index, url, tlsUrl, ca, dir };
}
