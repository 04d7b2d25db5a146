import { ConfigError } from "@sotto/platform/config";
import { expect, test } from "vitest";
import { parseUserConfig } from "./config.ts";
import { newSigningKey, newUserEnv } from "./user-env-fixture.ts";

const key = newSigningKey("k1");
const env = { ...newUserEnv(), ACCESS_TOKEN_KEY: JSON.stringify(key) };

function problemsOf(changed: Record<string, string | undefined>): readonly string[] {
  try {
    parseUserConfig({ ...env, ...changed });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("the least configuration is enough", () => {
  expect(parseUserConfig(env)).toMatchObject({
    ACCESS_TOKEN_KEY: key,
    ACCESS_TOKEN_PREVIOUS_KEYS: [],
    PASSWORD_HASH_MAX_WAITING: 64,
  });
});

test("every missing setting is named at once", () => {
  const problems = problemsOf({
    PORT: undefined,
    DATABASE_URL: undefined,
    PUBLIC_URL: undefined,
    ACCESS_TOKEN_KEY: undefined,
    ACCOUNT_SECRET: undefined,
    NOTIFICATION_SEAL_KEY: undefined,
  });
  expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual([
    "ACCESS_TOKEN_KEY",
    "ACCOUNT_SECRET",
    "DATABASE_URL",
    "NOTIFICATION_SEAL_KEY",
    "PORT",
    "PUBLIC_URL",
  ]);
});

test("a key that is no private Ed25519 JWK is refused without being shown", () => {
  const { d: secret, ...publicOnly } = key;
  const bad = [
    "{",
    '"text"',
    JSON.stringify(publicOnly),
    JSON.stringify({ ...key, crv: "X25519" }),
    JSON.stringify({ ...key, d: "AAAA" }),
  ];
  for (const value of [...bad, `${JSON.stringify(key)}x`]) {
    const problems = problemsOf({ ACCESS_TOKEN_KEY: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^ACCESS_TOKEN_KEY is not valid/);
    expect(problems[0]).not.toContain(secret);
  }
});
