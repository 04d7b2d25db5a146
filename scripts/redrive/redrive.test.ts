import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeRunFile } from "../launcher/run-file.ts";
import { readPurge, readRedrive } from "./arguments.ts";
import { confirm } from "./confirm.ts";
import { findBus } from "./open-bus.ts";
import { describeLetters } from "./redrive-dead-letters.ts";

const redrive = (line: string) => readRedrive(line.split(" ").filter(Boolean));

test("a command line is read with its defaults", () => {
  const plain = { consumer: "chat", limit: 1_000_000, id: undefined, list: false, yes: false };
  expect(redrive("chat")).toEqual(plain);
  expect(redrive("chat --list")).toEqual({ ...plain, limit: 50, list: true });
  expect(redrive("chat --limit 3 --id 7 --yes")).toEqual({ ...plain, limit: 3, id: "7", yes: true });
  expect(redrive("--help")).toBe("help");
  expect(readPurge(["chat.dead", "--yes"])).toEqual({ queue: "chat.dead", yes: true });
});

test.each([
  ["", "One consumer is needed"],
  ["chat notification", "One consumer is needed"],
  ["chat --limit 0", "--limit must be a number"],
  ["chat --limit 1e9", "--limit must be a number"],
  ["chat --limit many", "--limit must be a number"],
  ["chat --force", "--force"],
])('"%s" is refused, and says why', (line, message) => {
  expect(() => redrive(line)).toThrow(message);
});

test("nothing is done unless the person says yes, or the command line does", async () => {
  const asked: string[] = [];
  const answer = (isYes: boolean) => async (question: string) => {
    asked.push(question);
    return isYes;
  };
  await confirm("Gone for good: 3.", true, undefined);
  await confirm("Gone for good: 3.", false, answer(true));
  await expect(confirm("Gone for good: 3.", false, answer(false))).rejects.toThrow("Nothing was done");
  await expect(confirm("Gone for good: 3.", false, undefined)).rejects.toThrow("say --yes");
  expect(asked).toEqual(Array(2).fill("Gone for good: 3. Type yes to go on: "));
});

test("the bus is that of the environment, or of the running installation, and never a wrong one", () => {
  const root = mkdtempSync(path.join(os.tmpdir(), "sotto-find-bus-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const find = (env: NodeJS.ProcessEnv = {}) => findBus({ env, root });
  expect(() => find()).toThrow("Nothing runs from");

  const dataDir = path.join(root, ".data");
  mkdirSync(dataDir);
  writeFileSync(path.join(dataDir, "secrets.json"), JSON.stringify({ databasePasswords: { relay: "a/b" } }));
  const parts = [{ name: "postgresql", pid: 1, port: 5544, url: "" }];
  const running = { url: "http://localhost:8080", pid: 1, parts };
  writeRunFile(dataDir, { ...running, bus: "PostgreSQL" });
  expect(find()).toEqual({ databaseUrl: "postgres://sotto_relay:a%2Fb@127.0.0.1:5544/sotto" });
  writeRunFile(dataDir, { ...running, bus: "RabbitMQ" });
  expect(() => find()).toThrow("set MESSAGE_BROKER_URL");

  expect(find({ DATABASE_URL: "postgres://x" })).toEqual({ databaseUrl: "postgres://x" });
  const caFile = path.join(root, "ca.pem");
  writeFileSync(caFile, "PEM\n");
  expect(find({ MESSAGE_BROKER_URL: "amqps://b", MESSAGE_BROKER_CA_FILE: caFile })).toMatchObject({
    ...{ brokerUrl: "amqps://b", brokerCa: "PEM" },
  });
});

test("a list shows ages in the largest unit, and nothing that could move the cursor", () => {
  const now = new Date("2026-01-10T00:00:00.000Z");
  const letter = { id: "1", body: {}, reason: "Error: \u001b[2J", attempts: 9, routingKey: "user.x" };
  const ages = [
    "2026-01-07T00:00:00Z",
    "2026-01-09T22:59:00Z",
    "2026-01-09T23:58:30Z",
    "2026-01-10T00:00:05Z",
  ];
  const letters = [...ages.map((at) => new Date(at)), undefined].map((deadAt) => ({ ...letter, deadAt }));
  const lines = describeLetters(letters, 7, now).split("\n");
  expect(lines.map((line) => line.split(/ {2,}/)[2]).slice(1, -1)).toEqual([
    "3 d",
    "1 h",
    "1 min",
    "0 s",
    "-",
  ]);
  expect(lines.at(-1)).toBe("5 of 7 shown.");
  expect(lines[1]).toContain("\\u001b[2J");
});
