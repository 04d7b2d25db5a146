import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { ConfigError, type Env, parseConfig, publicUrl, serviceEnv } from "./config.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-config-test-"));
afterAll(() => rmSync(dir, { recursive: true }));

const schema = z.object({ ...serviceEnv, PUBLIC_URL: publicUrl, SECRET: z.string().min(20) });
const SECRET = "a-secret-of-some-length";
const env = {
  PORT: "8081",
  DATABASE_URL: "postgres://sotto:hunter2@127.0.0.1/sotto",
  PUBLIC_URL: "https://chat.example.org",
  SECRET,
};

function file(name: string, text: string): string {
  const full = path.join(dir, name);
  writeFileSync(full, text);
  return full;
}

function problemsOf(changed: Env): readonly string[] {
  try {
    parseConfig(schema, { ...env, ...changed });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("the least settings are enough, and the rest has safe defaults", () => {
  expect(parseConfig(schema, env)).toEqual({
    ...env,
    PORT: 8081,
    HOST: "127.0.0.1",
    LOG_LEVEL: "info",
    NODE_ENV: "development",
  });
});

test("a setting may be in a file; one trailing newline is not part of it", () => {
  for (const text of [SECRET, `${SECRET}\n`, `${SECRET}\r\n`]) {
    const { SECRET: _, ...rest } = env;
    expect(parseConfig(schema, { ...rest, SECRET_FILE: file("secret", text) }).SECRET).toBe(SECRET);
  }
  const lines = `${SECRET}\nsecond line\n`;
  const { SECRET: _, ...rest } = env;
  expect(parseConfig(schema, { ...rest, SECRET_FILE: file("lines", lines) }).SECRET).toBe(lines.slice(0, -1));
});

test("a file that cannot be read, is empty, or stands beside the setting itself is a problem", () => {
  expect(problemsOf({ SECRET: undefined, SECRET_FILE: path.join(dir, "absent") })).toEqual([
    "SECRET cannot be read from the file named by SECRET_FILE (ENOENT)",
  ]);
  expect(problemsOf({ SECRET: undefined, SECRET_FILE: dir })).toEqual([
    "SECRET cannot be read from the file named by SECRET_FILE (EISDIR)",
  ]);
  expect(problemsOf({ SECRET: undefined, SECRET_FILE: file("empty", "\n") })).toEqual([
    expect.stringMatching(/^SECRET is not valid: /),
  ]);
  expect(problemsOf({ SECRET_FILE: file("both", SECRET) })).toEqual([
    "SECRET is set twice: directly and by SECRET_FILE",
  ]);
});

test("every problem is named at once, and an empty setting is a missing one", () => {
  const problems = problemsOf({
    PORT: "99999",
    DATABASE_URL: "mysql://localhost/x",
    PUBLIC_URL: "javascript:alert(1)",
    LOG_LEVEL: "loud",
    SECRET: "",
  });
  expect(problems.map((problem) => problem.split(" ").slice(0, 3).join(" ")).sort()).toEqual([
    "DATABASE_URL is not",
    "LOG_LEVEL is not",
    "PORT is not",
    "PUBLIC_URL is not",
    "SECRET is missing",
  ]);
});

test("no message shows a value", () => {
  const bad = {
    SECRET: "short-but-private",
    DATABASE_URL: "mysql://u:hunter2@h/x",
    PORT: "4711x",
    LOG_LEVEL: "s3cr3t",
  };
  const { message } = new ConfigError(problemsOf(bad));
  for (const value of Object.values(bad)) expect(message).not.toContain(value);
  expect(message).not.toContain("hunter2");
  expect(message.split("\n")).toHaveLength(5);
});

test("the authority of a broker is a certificate in PEM, in the setting or in a file", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
  const brokerCa = (changed: Env) => parseConfig(schema, { ...env, ...changed }).MESSAGE_BROKER_CA;
  expect(brokerCa({})).toBeUndefined();
  expect(brokerCa({ MESSAGE_BROKER_CA: pem })).toBe(pem);
  expect(brokerCa({ MESSAGE_BROKER_CA_FILE: file("ca.pem", `${pem}\n`) })).toBe(pem);
  expect(problemsOf({ MESSAGE_BROKER_CA: "/etc/ssl/ca.pem" })).toEqual([
    "MESSAGE_BROKER_CA is not valid: no certificate in PEM",
  ]);
});
