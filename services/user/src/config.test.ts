import { ConfigError } from "@sotto/platform/config";
import { expect, test } from "vitest";
import { parseUserConfig } from "./config.ts";
import { newSealKey, newUserEnv } from "./user-env-fixture.ts";

const { publicKey: key, privateKey } = newSealKey();
const env = { ...newUserEnv(), NOTIFICATION_SEAL_KEY: JSON.stringify(key) };

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
    NOTIFICATION_SEAL_KEY: key,
    SIGNING_KEY_DAYS: 30,
    AUDIT_DAYS: 365,
    PASSWORD_HASH_MAX_WAITING: 64,
  });
});

test("every missing setting is named at once", () => {
  const problems = problemsOf({
    PORT: undefined,
    DATABASE_URL: undefined,
    PUBLIC_URL: undefined,
    ACCOUNT_SECRET: undefined,
    NOTIFICATION_SEAL_KEY: undefined,
  });
  expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual([
    "ACCOUNT_SECRET",
    "DATABASE_URL",
    "NOTIFICATION_SEAL_KEY",
    "PORT",
    "PUBLIC_URL",
  ]);
});

test("a key that is no public X25519 JWK is refused without being shown", () => {
  const { x, ...withoutNumber } = key;
  const bad = [
    "{",
    '"text"',
    JSON.stringify(withoutNumber),
    JSON.stringify({ ...key, crv: "Ed25519" }),
    JSON.stringify({ ...key, x: "AAAA" }),
  ];
  for (const value of [...bad, `${JSON.stringify(key)}x`]) {
    const problems = problemsOf({ NOTIFICATION_SEAL_KEY: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^NOTIFICATION_SEAL_KEY is not valid/);
    expect(problems[0]).not.toContain(x);
  }
});

test("of a key that was given whole the private half is not kept", () => {
  const whole = { ...privateKey.export({ format: "jwk" }), kid: "k" };
  const { NOTIFICATION_SEAL_KEY } = parseUserConfig({
    ...env,
    NOTIFICATION_SEAL_KEY: JSON.stringify(whole),
  });
  expect(NOTIFICATION_SEAL_KEY).not.toHaveProperty("d");
});
