import { expect, test } from "vitest";
import { parseBenchArguments } from "./arguments.ts";

const KNOWN = ["send", "idle"];

test("without a name every scenario runs", () => {
  expect(parseBenchArguments([], KNOWN)).toEqual({
    scenarios: KNOWN,
    seconds: 12,
    connections: 2000,
    events: 10_000_000,
    jsonOnly: false,
    profileDir: undefined,
  });
});

test("a scenario that takes long runs only when it is named", () => {
  expect(parseBenchArguments([], KNOWN, ["idle"]).scenarios).toEqual(["send"]);
  expect(parseBenchArguments(["idle"], KNOWN, ["idle"]).scenarios).toEqual(["idle"]);
});

test("options and several names, in their order", () => {
  const chosen = parseBenchArguments(["--seconds", "3", "idle", "send", "--json", "--profile", "/p"], KNOWN);
  expect(chosen).toMatchObject({
    scenarios: ["idle", "send"],
    seconds: 3,
    jsonOnly: true,
    profileDir: "/p",
  });
});

test("an unknown scenario is named, with those that there are", () => {
  expect(() => parseBenchArguments(["sent"], KNOWN)).toThrow(
    "There is no scenario sent. There are: send, idle.",
  );
});

test.each([
  [["--seconds", "0"], "--seconds must be a whole number from 1 to 3600"],
  [["--seconds", "many"], "--seconds must be a whole number"],
  [["--events", "10"], "--events must be a whole number from 10000"],
  [["--connections", "10001"], "--connections must be a whole number from 100 to 10000"],
])("%j is refused", (args, message) => {
  expect(() => parseBenchArguments(args, KNOWN)).toThrow(message);
});
