import { expect, test } from "vitest";
import { parseEvent } from "./events.ts";

const revoked = {
  id: "0199f0d0-0000-7000-8000-000000000001",
  type: "user.session-revoked",
  version: 1,
  occurredAt: "2026-01-02T03:04:05.678Z",
  key: "a",
  data: {
    accountId: "0199f0d0-0000-7000-8000-000000000002",
    sessionId: "0199f0d0-0000-7000-8000-000000000003",
  },
};

test("an event of a known type is parsed with its data", () => {
  expect(parseEvent(revoked)).toEqual(revoked);
});

test.each([
  ["an unknown type", { ...revoked, type: "user.exploded" }],
  ["a type that is a prototype key", { ...revoked, type: "constructor" }],
  ["data of another type", { ...revoked, data: { accountId: revoked.data.accountId } }],
  ["another version", { ...revoked, version: 2 }],
  ["nothing", undefined],
])("%s is refused", (_name, value) => {
  expect(() => parseEvent(value)).toThrow();
});
