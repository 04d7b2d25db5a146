import { expect, it } from "vitest";
import { parseChatConfig } from "../../services/chat/src/config.ts";
import { limitsFor } from "./rate-limits.ts";

const TEXT = JSON.stringify({
  "*": "off",
  "sign-in.account": { burst: 10 },
  "message.account": { burst: 7 },
  "export.account": { burst: 2 },
});

it("gives each service the limits that it knows, and what goes to all", () => {
  expect(JSON.parse(limitsFor("user", TEXT))).toEqual({
    "*": "off",
    "sign-in.account": { burst: 10 },
    "export.account": { burst: 2 },
  });
  expect(JSON.parse(limitsFor("chat", TEXT))).toEqual({
    "*": "off",
    "message.account": { burst: 7 },
    "export.account": { burst: 2 },
  });
  expect(Object.keys(JSON.parse(limitsFor("notification", TEXT)))).toEqual(["*", "export.account"]);
});

it("is what the service takes", () => {
  const settings = parseChatConfig({
    PORT: "0",
    DATABASE_URL: "postgres://sotto_chat:x@127.0.0.1:1/sotto",
    PUBLIC_URL: "http://localhost:8080",
    JWKS_URL: "http://127.0.0.1:1/",
    RATE_LIMITS: limitsFor("chat", TEXT),
  });
  expect(settings.RATE_LIMITS["message.account"]).toMatchObject({ burst: 7 });
});

it.each([
  ["a name that nobody knows", '{"sign-in.acount": "off"}', "that do not exist: sign-in.acount"],
  ["a name of every object", '{"constructor": "off"}', "that do not exist: constructor"],
  ["no JSON", "{", "must be JSON"],
  ["a list", "[]", "must be a JSON object"],
])("refuses %s", (_name, text, message) => {
  expect(() => limitsFor("user", text)).toThrow(message);
});
