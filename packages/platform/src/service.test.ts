import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { problem } from "@sotto/contracts/errors";
import { afterEach, expect, test } from "vitest";

const FIXTURE = fileURLToPath(new URL("./service-fixture-process.ts", import.meta.url));
/** A busy machine starts a process in seconds, not in milliseconds. */
const PATIENCE = { timeout: 30_000, interval: 20 };

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

type Line = { msg: string; address?: AddressInfo; pathname?: string };

function startFixture(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [FIXTURE], { env: { PORT: "0", ...env }, stdio: "pipe" });
  children.push(child);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const lines = (): Line[] =>
    stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return {
    child,
    stderr: () => stderr,
    ended: once(child, "close"),
    lines,
    said: (msg: string, times = 1) =>
      expect.poll(() => lines().filter((line) => line.msg === msg).length, PATIENCE).toBe(times),
    async port(): Promise<number> {
      await this.said("fixture is listening");
      return lines().find(({ address }) => address)?.address?.port ?? 0;
    },
  };
}

async function listenSomewhere(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** Everything that raw bytes are answered with. */
async function talk(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
  });
  socket.on("error", () => undefined);
  socket.write(request, "latin1");
  // `once` of node:events would take a reset by the server for a failure of the test.
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

test("a signal lets a running request finish, a second one changes nothing, and then everything ends in order", async () => {
  const fixture = startFixture();
  const port = await fixture.port();
  const slow = fetch(`http://127.0.0.1:${port}/slow`);
  await fixture.said("asked");
  fixture.child.kill("SIGTERM");
  await fixture.said("draining");
  fixture.child.kill("SIGINT");
  fixture.child.kill("SIGTERM");
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
  expect(fixture.child.exitCode).toBeNull();
  fixture.child.stdin.write("go on\n");
  const answer = await slow;
  expect(await answer.text()).toBe("answered /slow 0");
  expect(answer.headers.get("Connection")).toBe("close");
  expect(await fixture.ended).toEqual([0, null]);
  expect(fixture.lines().map(({ msg }) => msg)).toEqual([
    "fixture is listening",
    "asked",
    "stopping",
    "draining",
    "closed",
  ]);
});

test("a request that never ends does not hold up the stop for ever", async () => {
  const fixture = startFixture();
  const slow = fetch(`http://127.0.0.1:${await fixture.port()}/slow`).catch((error: Error) => error.message);
  await fixture.said("asked");
  fixture.child.kill("SIGTERM");
  expect(await fixture.ended).toEqual([0, null]);
  expect(await slow).toBe("fetch failed");
  await fixture.said("requests still run; ending them");
});

test("a process whose launcher is gone ends by itself", async () => {
  const launcher = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: "pipe" });
  children.push(launcher);
  const fixture = startFixture({ SOTTO_PARENT_PID: String(launcher.pid) });
  await fixture.port();
  launcher.kill("SIGKILL");
  expect(await fixture.ended).toEqual([0, null]);
  expect(fixture.lines().map(({ msg }) => msg)).toContain("closed");
});

test.each([
  ["plain", "fixture cannot start: the key file is empty\n"],
  ["chain", "fixture cannot start: the keys cannot be read: ECONNREFUSED\n"],
])("a start that fails (%s) says why in one line and ends with 1", async (failure, message) => {
  const fixture = startFixture({ FAILURE: failure });
  expect(await fixture.ended).toEqual([1, null]);
  expect(fixture.stderr()).toBe(message);
});

test("a defect in a start shows where it is", async () => {
  const fixture = startFixture({ FAILURE: "defect" });
  expect(await fixture.ended).toEqual([1, null]);
  expect(fixture.stderr()).toMatch(/^fixture cannot start: TypeError: x is not a function\n +at /);
});

test("a port in use is named, and settings that are wrong are", async () => {
  const { server, port } = await listenSomewhere();
  const fixture = startFixture({ PORT: String(port) });
  expect(await fixture.ended).toEqual([1, null]);
  expect(fixture.stderr()).toBe(
    `fixture cannot start: port ${port} of 127.0.0.1 is in use by another process\n`,
  );
  server.close();
  const wrong = startFixture({ PORT: "eighty", SOTTO_PARENT_PID: "0" });
  expect(await wrong.ended).toEqual([1, null]);
  expect(wrong.stderr()).toMatch(/ {2}- PORT is not valid.*\n {2}- SOTTO_PARENT_PID is not valid/);
});

test("what is no request of the app is answered as the app answers", async () => {
  const fixture = startFixture();
  const port = await fixture.port();
  const head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  const cases: [string, string, number, string][] = [
    ["no HTTP", "\u0000\u0001\r\n\r\n", 400, "bad_request"],
    ["an unknown method", "FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request"],
    ["no host", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 400, "bad_request"],
    ["a host that is none", `${head.replace("localhost", "a b")}\r\n`, 400, "bad_request"],
    ["headers of 20 kB", `${head}X: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
    [
      "chunk extensions of 20 kB",
      `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;${"x".repeat(20_000)}\r\n`,
      413,
      "payload_too_large",
    ],
    ["a defect", `${head.replace(" / ", " /throws ")}\r\n`, 500, "internal"],
  ];
  for (const [name, request, status, code] of cases) {
    const answer = await talk(port, request);
    expect(answer, name).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer, name).toMatch(/content-type: application\/problem\+json/i);
    expect(answer, name).not.toContain("secret");
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    expect(problem.parse(JSON.parse(body.slice(body.indexOf("{"), body.lastIndexOf("}") + 1))).code).toBe(
      code,
    );
  }
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("answered / 0");
});
