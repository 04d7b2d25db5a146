import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, test } from "vitest";
import { runRestGuide } from "./run-rest-guide.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
  stack.remove();
});

test("every command of the guide to REST does what the guide says, run in its order", () =>
  runRestGuide({ SOTTO: stack.url }));
