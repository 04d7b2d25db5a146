import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startChild } from "./child-process.ts";
import { openLogFile } from "./log-file.ts";
import { noteworthy } from "./log-line.ts";
import { choosePorts } from "./ports.ts";
import { readSettings } from "./settings.ts";
import { createTerminal } from "./terminal.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-launcher-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("the settings", () => {
  it("are port 8080 and a folder in the repository unless told otherwise", () => {
    expect(readSettings({}, "/repo")).toMatchObject({ port: 8080, dataDir: "/repo/.data" });
    expect(readSettings({ PORT: "9000", SOTTO_DATA_DIR: "/data" }, "/repo")).toMatchObject({
      port: 9000,
      dataDir: "/data",
    });
  });

  it("of mail go on by the names that they have, and no others", () => {
    const mail = { MAIL_FROM: "a@example.org", DKIM_PRIVATE_KEY_FILE: "/key.pem", DEFAULT_LANGUAGE: "de" };
    expect(readSettings({ ...mail, SMTP_CA: "", ACCOUNT_SECRET: "x" }, "/repo").mail).toEqual(mail);
  });

  it("name the broker and its authority, a file of it wherever the parts start", () => {
    const MESSAGE_BROKER_URL = "amqps://broker.example.org";
    expect(readSettings({ MESSAGE_BROKER_URL, MESSAGE_BROKER_CA_FILE: "ca.pem" }, "/repo")).toMatchObject({
      ...{ brokerUrl: MESSAGE_BROKER_URL, brokerCa: undefined, brokerCaFile: path.resolve("ca.pem") },
    });
  });

  it.each(["-1", "65536", "80a", "1e3", "8080.5"])("refuse PORT=%s", (PORT) => {
    expect(() => readSettings({ PORT }, "/repo")).toThrow("PORT must be a number from 0 to 65535");
  });
});

it("ports that are taken are replaced by free ones, each given out once", async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const taken = (server.address() as net.AddressInfo).port;
  const chosen = await choosePorts({ a: taken, b: 0, c: 0 });
  expect(chosen.a).not.toBe(taken);
  expect(new Set(Object.values(chosen)).size).toBe(3);
  server.close();
});

describe("the terminal", () => {
  it.each([
    ["warnings", '{"level":40,"msg":"slow"}', "warning: slow"],
    ["errors, with their cause", '{"level":50,"msg":"failed","err":{"message":"no"}}', "error: failed: no"],
    ["what is no JSON", "Error: out of memory", "Error: out of memory"],
    ["what only looks like JSON", "{ not json", "{ not json"],
    ["no ordinary lines", '{"level":30,"msg":"fine"}', undefined],
    ["no empty lines", "  ", undefined],
  ])("shows %s", (_name, line, shown) => {
    expect(noteworthy(line)).toBe(shown);
  });

  it("shows a repeated line once", () => {
    const shown: string[] = [];
    const terminal = createTerminal((text) => shown.push(text));
    for (let i = 0; i < 50; i += 1) terminal.partSays("relay", "warning: no database");
    terminal.partSays("chat-1", "warning: no database");
    expect(shown).toHaveLength(2);
  });
});

it("a log file does not grow without end", async () => {
  const file = path.join(folder, "logs", "chat.log");
  const log = openLogFile(file, (error) => expect.unreachable(error.message));
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < 40; i += 1) {
    for (let k = 0; k < 512; k += 1) log.write(line);
    await new Promise((resolve) => setImmediate(resolve));
  }
  log.close();
  // Files are opened, and written, a moment after they were asked for.
  const sizeOf = (name: string) => statSync(name, { throwIfNoEntry: false })?.size;
  await expect.poll(() => sizeOf(`${file}.1`) ?? 0).toBeGreaterThan(0);
  await expect.poll(() => sizeOf(file)).toBeDefined();
  expect(sizeOf(file)).toBeLessThan(10 * 1024 * 1024);
});

describe("a child process", () => {
  const server = `
    import http from "node:http";
    console.log("says something");
    const server = http.createServer((_, response) => response.end());
    server.listen(Number(process.env.PORT), "127.0.0.1", () => process.send("listening"));
  `;

  async function start(code: string): Promise<{ life: ReturnType<typeof startChild>; log: () => string }> {
    const script = path.join(folder, "main.mjs");
    writeFileSync(script, code);
    const { port } = await choosePorts({ port: 0 });
    const file = path.join(folder, "child.log");
    const spec = {
      name: "child",
      script,
      env: { PORT: String(port) },
      readyUrl: `http://127.0.0.1:${port}/`,
    };
    const log = openLogFile(file, () => undefined);
    return { life: startChild(spec, log, () => undefined), log: () => readFileSync(file, "utf8") };
  }

  it("is ready when it answers, writes its log, and ends when asked", async () => {
    const { life, log } = await start(server);
    await life.ready;
    await life.stop();
    expect(await life.ended).toBe("it was ended by SIGTERM");
    await expect.poll(log).toBe("says something\n");
  });

  it("is not ready because another program answers on its port", async () => {
    const { life } = await start(`
      import { createServer } from "node:http";
      // As another program would: in its own process, and without a word to the launcher.
      createServer((_, response) => response.end()).listen(Number(process.env.PORT), "127.0.0.1");
      setTimeout(() => process.exit(4), 1000);
    `);
    await expect(life.ready).rejects.toThrow("it ended before it was ready");
  });

  it("tells how it ended before it was ready", async () => {
    const { life } = await start("process.exit(3)");
    await expect(life.ready).rejects.toThrow("it ended before it was ready");
    expect(await life.ended).toBe("it ended with code 3");
  });

  it("gets the launcher's pid, and none of the launcher's own settings", async () => {
    process.env.SECRET_OF_THE_SHELL = "x";
    const { life, log } = await start(
      "console.log(process.env.SOTTO_PARENT_PID, process.env.SECRET_OF_THE_SHELL)",
    );
    life.ready.catch(() => undefined);
    await life.ended;
    delete process.env.SECRET_OF_THE_SHELL;
    await expect.poll(log).toBe(`${process.pid} undefined\n`);
  });
});
