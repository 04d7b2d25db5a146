import { spawn } from "node:child_process";
import path from "node:path";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
  stack.remove();
});

function runDemo(args: string[], dataDir: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [path.join(ROOT, "scripts/demo.ts"), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      SOTTO_DATA_DIR: dataDir,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve) => child.once("exit", (code) => resolve({ code, output })));
}

test("a start in good order gives no warning", () => {
  expect(stack.output()).not.toMatch(/warning|error/i);
});

test("the demo puts two people on two nodes, kills one, and shows the same conversation on both sides", async () => {
  const { code, output } = await runDemo([], stack.dataDir);
  expect(output).toMatch(/Alice is connected to (chat-1, Bob to chat-2|chat-2, Bob to chat-1)\./);
  expect(output).toMatch(/content +\d+ bytes {2}([0-9a-f]{2} ){24}…/);
  expect(output).toMatch(/chat-[12], to which Alice is connected, is killed/);
  expect(output.match(/^alice: You are offline now\. +\| alice: You are offline now\.$/m)).not.toBeNull();
  expect(output).toContain("Every message arrived once, in order.");
  expect(code).toBe(0);
});

test("the demo works over a URL alone, and says what it cannot show", async () => {
  const { code, output } = await runDemo(["--url", stack.url], path.join(stack.dataDir, "elsewhere"));
  expect(output).toContain("its nodes and rows cannot be reached from here");
  expect(output).toContain("Every message arrived once, in order.");
  expect(code).toBe(0);
});

test("the demo says what to do when nothing answers", async () => {
  const { code, output } = await runDemo(["--url", "http://127.0.0.1:9"], stack.dataDir);
  expect(output).toContain('Start it with "npm start"');
  expect(code).toBe(1);
});
