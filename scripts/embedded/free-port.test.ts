import { execFile } from "node:child_process";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { findFreePort, isPortFree } from "./free-port.ts";

const FIVE_PORTS = `
  import { findFreePort } from ${JSON.stringify(path.resolve(import.meta.dirname, "free-port.ts"))};
  const ports = [];
  for (let count = 0; count < 5; count += 1) ports.push(await findFreePort());
  console.log(JSON.stringify(ports));`;

async function portsOfAnotherProcess(): Promise<number[]> {
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", FIVE_PORTS]);
  return JSON.parse((await run).stdout) as number[];
}

it("no port is given twice, though nobody listens on it yet", async () => {
  const ports = await Promise.all(Array.from({ length: 5 }, () => findFreePort()));
  expect(new Set(ports).size).toBe(5);
});

it("processes that look at the same time are given different ports", async () => {
  const processes = await Promise.all([1, 2, 3].map(portsOfAnotherProcess));
  expect(new Set(processes.flat()).size).toBe(15);
});

it("a port is none that the system gives to outgoing connections", async () => {
  const ports = await portsOfAnotherProcess();
  for (const port of ports) expect(port).toSatisfy((each: number) => each >= 10_240 && each < 32_768);
});

it("a port that somebody listens on is passed over", async () => {
  const next = (await findFreePort()) + 1;
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(next, "127.0.0.1", resolve));
  expect(await isPortFree(next)).toBe(false);
  expect(await findFreePort()).not.toBe(next);
  server.close();
});
