import { expect, test } from "vitest";
import { z } from "zod";
import { ConfigError, parseConfig } from "./config.ts";
import { createLimits, type LimitRule, rateLimits } from "./limits.ts";
import { createLogger } from "./log.ts";

const rules = {
  "sign-in.account": { burst: 5, perMinute: 1, whenDown: "closed" },
  "request.account": { burst: 300, perMinute: 300, whenDown: "open", batch: 50 },
} as const satisfies Record<string, LimitRule>;
const schema = z.object({ RATE_LIMITS: rateLimits(rules) });

const parse = (text?: string) => parseConfig(schema, { RATE_LIMITS: text }).RATE_LIMITS;
function problemsOf(value: unknown): readonly string[] {
  try {
    parse(typeof value === "string" ? value : JSON.stringify(value));
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

test("what is not set stays as it is, and a limit can be changed in part", () => {
  expect(parse()).toEqual(rules);
  expect(parse('{"sign-in.account":{"burst":9}}')).toEqual({
    ...rules,
    "sign-in.account": { burst: 9, perMinute: 1, whenDown: "closed" },
  });
});

test("one limit can be switched off, or all that are not named", () => {
  expect(parse('{"sign-in.account":"off"}')["sign-in.account"]).toBe("off");
  expect(parse('{"*":"off","sign-in.account":{"burst":2}}')).toEqual({
    "sign-in.account": { ...rules["sign-in.account"], burst: 2 },
    "request.account": "off",
  });
});

test("a limit that counts in batches does so in no more than a sixth of what it lets through at once", () => {
  expect(parse('{"request.account":{"burst":30}}')["request.account"]).toMatchObject({ burst: 30, batch: 5 });
  expect(parse('{"request.account":{"burst":3}}')["request.account"]).toMatchObject({ burst: 3, batch: 1 });
});

test("unknown names and values that are none are named", () => {
  for (const [value, named] of [
    [{ "sign-in.acount": { burst: 1 } }, "sign-in.acount"],
    [{ __proto__2: "off" }, "__proto__2"],
    [{ "sign-in.account": { burst: 0 } }, "sign-in.account"],
    [{ "sign-in.account": { burst: 1.5 } }, "sign-in.account"],
    [{ "sign-in.account": { perMinute: 0 } }, "sign-in.account"],
    [{ "sign-in.account": { perMinute: "1" } }, "sign-in.account"],
    [{ "sign-in.account": { perMinute: 1e9 } }, "sign-in.account"],
    [{ "sign-in.account": { whenDown: "open" } }, "sign-in.account"],
    [{ "sign-in.account": "on" }, "sign-in.account"],
    [{ "*": { burst: 1 } }, "*"],
  ] as const) {
    const [problem] = problemsOf(value);
    expect(problem, JSON.stringify(value)).toMatch(/^RATE_LIMITS is not valid: /);
    expect(problem).toContain(named);
  }
  for (const text of ["{", "[]", "null", '"off"']) {
    expect(problemsOf(text)[0], text).toMatch(/^RATE_LIMITS is not valid/);
  }
  expect(() => parse("{")).toThrow(ConfigError);
});

test("a limit that is off asks nobody", async () => {
  const limits = createLimits(parse('{"*":"off"}'), {
    pool: { query: () => Promise.reject(new Error("asked")) } as never,
    schema: "chat",
    clock: { now: () => new Date(0) },
    log: createLogger({ service: "test", level: "silent" }),
  });
  for (let turn = 0; turn < 100; turn += 1) await limits.take("sign-in.account", "key");
});
