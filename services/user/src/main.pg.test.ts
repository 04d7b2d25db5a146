import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newSigningKey, PUBLIC_URL } from "./user-app-fixture.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function startMain(env: Record<string, string>): { child: ChildProcess; stderr: () => string } {
  const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return { child, stderr: () => stderr };
}

test("the process serves, is ready while its database answers, and ends in order", async () => {
  const port = await freePort();
  const { child } = startMain({
    PORT: String(port),
    LOG_LEVEL: "fatal",
    DATABASE_URL: database.urlFor("user"),
    PUBLIC_URL,
    ACCESS_TOKEN_KEY: JSON.stringify(newSigningKey("k")),
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    const statusOf = (path: string) =>
      fetch(url + path).then(
        (answer) => answer.status,
        () => 0,
      );
    await expect.poll(() => statusOf("/health/ready"), { timeout: 15_000 }).toBe(200);
    expect(await statusOf("/health/live")).toBe(200);
    expect(await statusOf("/metrics")).toBe(200);
    expect(await statusOf("/.well-known/jwks.json")).toBe(200);
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string };
    expect(document.openapi).toBe("3.1.0");
  } finally {
    child.kill("SIGTERM");
  }
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a process without its settings names all of them and ends with 1", async () => {
  const { child, stderr } = startMain({});
  expect(await once(child, "exit")).toEqual([1, null]);
  for (const name of ["PORT", "DATABASE_URL", "PUBLIC_URL", "ACCESS_TOKEN_KEY"]) {
    expect(stderr()).toContain(`${name} is missing`);
  }
});
