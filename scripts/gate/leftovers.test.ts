import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findLeftovers } from "./leftovers.ts";
import { provideTools } from "./tools.ts";

let mark: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  mark = `/tmp/sotto-gate-${randomUUID()}`;
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(
    process.execPath,
    ["-e", 'console.log("up"); setInterval(() => undefined, 1000)', ...args],
    { env },
  );
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child.pid ?? 0;
}

it("finds what was left behind, by its environment or its arguments", async () => {
  const byEnvironment = await start([], { TMPDIR: mark });
  const byArgument = await start([`${mark}/data`], {});
  const found = await findLeftovers(mark, 0);
  expect(found.map(({ pid }) => pid).sort()).toEqual([byEnvironment, byArgument].sort());
});

it("waits for what is about to end", async () => {
  await start([], { TMPDIR: mark });
  const found = findLeftovers(mark, 10_000);
  children[0]?.kill("SIGKILL");
  expect(await found).toEqual([]);
});

it("finds no process of anybody else", async () => {
  await start([], { TMPDIR: "/tmp" });
  expect(await findLeftovers(mark, 0)).toEqual([]);
});

it("names everything that is missing in one message", () => {
  process.env.SOTTO_RABBITMQ_SERVER = "/nowhere/rabbitmq-server";
  try {
    expect(provideTools).toThrow(
      /^The tests need RabbitMQ\..*apt-get install rabbitmq-server.*SOTTO_RABBITMQ_SERVER\.$/,
    );
  } finally {
    delete process.env.SOTTO_RABBITMQ_SERVER;
  }
});
