import { expect, it } from "vitest";
import { splitEvents } from "./split-events.ts";

const event = {
  id: "0193c000-0000-7000-8000-000000000001",
  type: "user.account-registered",
  key: "k",
  more: 1,
};

it("passes events on as they are, whatever else they hold", () => {
  expect(splitEvents([event])).toEqual({ publishable: [event], malformed: [] });
  expect(splitEvents([event]).publishable[0]).toBe(event);
});

it("keeps events apart that no broker could carry, with the reason", () => {
  const broken = [
    null,
    "text",
    7,
    [],
    {},
    { ...event, id: "no" },
    { ...event, type: "" },
    { ...event, type: "é".repeat(150) },
    { ...event, key: 1 },
  ];
  const { publishable, malformed } = splitEvents([...broken, event]);
  expect(publishable).toEqual([event]);
  expect(malformed.map((parked) => parked.event)).toEqual(broken);
  expect(malformed[5]?.reason).toMatch(/^id: /);
  for (const { reason } of malformed) expect(reason).not.toBe("");
});
