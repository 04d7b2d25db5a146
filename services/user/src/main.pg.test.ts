import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findFreePort } from "../../../scripts/embedded/free-port.ts";
import { newSealKey, PUBLIC_URL } from "./user-env-fixture.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function startMain(env: Record<string, string>): { child: ChildProcess; stderr: () => string } {
  const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return { child, stderr: () => stderr };
}

/** The status line that raw bytes are answered with. */
async function statusLineFor(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
  });
  socket.write(request);
  await once(socket, "close");
  return answer.slice(0, answer.indexOf("\r\n"));
}

const head = (...lines: string[]) =>
  `${["POST /api/user/sign-in HTTP/1.1", "Host: localhost", "Connection: close", ...lines].join("\r\n")}\r\n\r\n`;
const JSON_TYPE = "Content-Type: application/json";

/** Name to raw request; each must be refused as the client's fault. */
const malformed: Record<string, string> = {
  "two lengths": `${head(JSON_TYPE, "Content-Length: 2", "Content-Length: 3")}{}`,
  "length and chunks": `${head(JSON_TYPE, "Content-Length: 2", "Transfer-Encoding: chunked")}0\r\n\r\n`,
  "two media types": `${head(JSON_TYPE, "Content-Type: text/plain", "Content-Length: 2")}{}`,
  "two authorizations": `${head("Authorization: Bearer a", "Authorization: Bearer b", JSON_TYPE, "Content-Length: 2")}{}`,
  "two hosts": `${head("Host: evil", JSON_TYPE, "Content-Length: 2")}{}`,
  "a header of 20 kB": `${head(`X-Large: ${"x".repeat(20_000)}`, JSON_TYPE, "Content-Length: 2")}{}`,
  "a length of 1 GB": `${head(JSON_TYPE, "Content-Length: 1000000000")}{}`,
  "a body that is not UTF-8": `${head(JSON_TYPE, "Content-Length: 4")}"\u00ff\u00fe"`,
  "a broken cookie": `${head("Cookie: =;;sotto_access=%ff;\u00e9", JSON_TYPE, "Content-Length: 2")}{}`,
  "no HTTP": "\u0000\u0001\u0002\r\n\r\n",
};

test("the process serves, refuses malformed requests, and ends in order", { timeout: 60_000 }, async () => {
  const port = await findFreePort();
  const { child } = startMain({
    PORT: String(port),
    LOG_LEVEL: "fatal",
    DATABASE_URL: database.urlFor("user"),
    PUBLIC_URL,
    ACCOUNT_SECRET: "s".repeat(43),
    NOTIFICATION_SEAL_KEY: JSON.stringify(newSealKey().publicKey),
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    const statusOf = (path: string) =>
      fetch(url + path).then(
        (answer) => answer.status,
        () => 0,
      );
    await expect.poll(() => statusOf("/health/ready"), { timeout: 40_000 }).toBe(200);
    expect(await statusOf("/health/live")).toBe(200);
    expect(await statusOf("/metrics")).toBe(200);
    expect(await statusOf("/.well-known/jwks.json")).toBe(200);
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string };
    expect(document.openapi).toBe("3.1.0");
    for (const [name, request] of Object.entries(malformed)) {
      expect(await statusLineFor(port, request), name).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect(await statusOf("/health/ready")).toBe(200);
  } finally {
    child.kill("SIGTERM");
  }
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a process without its settings names all of them and ends with 1", { timeout: 60_000 }, async () => {
  const { child, stderr } = startMain({});
  expect(await once(child, "exit")).toEqual([1, null]);
  for (const name of ["PORT", "DATABASE_URL", "PUBLIC_URL", "ACCOUNT_SECRET"]) {
    expect(stderr()).toContain(`${name} is missing`);
  }
});
