import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");

let stack: Stack;
let folder: string;
beforeAll(async () => {
  stack = await startStack();
  // Inside the repository, as the README says, so that `@sotto/client` is found.
  folder = mkdtempSync(path.join(ROOT, ".tour-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.stop();
  stack.remove();
});

/** Writes the program of the README that has this name, for the installation under test. */
function saveProgram(name: string): string {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const text = new RegExp(`^\`\`\`ts ${name}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(readme)?.[1];
  if (text === undefined) throw new Error(`the README has no ${name}`);
  const file = path.join(folder, name);
  writeFileSync(file, text.replaceAll("http://localhost:8080", stack.url));
  return file;
}

type Program = { output: () => string; errors: () => string; ended: Promise<number | null> };

function run(file: string): Program {
  const child: ChildProcess = spawn(process.execPath, [path.join(ROOT, "scripts/run.mjs"), file], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let errors = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return {
    output: () => text,
    errors: () => errors,
    ended: new Promise((resolve) => child.once("exit", resolve)),
  };
}

test("the two programs of the README do what it says", async () => {
  const bob = run(saveProgram("bob.ts"));
  await expect.poll(bob.output, { timeout: 30_000 }).toContain("Bob listens.");
  const alice = run(saveProgram("alice.ts"));
  expect(await Promise.all([alice.ended, bob.ended])).toEqual([0, 0]);
  expect(alice.output().trim()).toBe('bob: You said "hi".');
  expect(bob.output().trim()).toBe("Bob listens.\nalice: hi\nalice: bye");
});

test("an installation that is killed whole starts again, and the conversation goes on", async () => {
  const { url, dataDir } = stack;
  const before = stack.runFile().parts.length;
  await stack.killEverything();
  stack = await startStack({ dataDir, env: { PORT: new URL(url).port } });
  expect(stack.url).toBe(url);
  expect(stack.runFile().parts.length).toBe(before);
  const file = path.join(folder, "again.ts");
  writeFileSync(
    file,
    `import { createClient, sqliteStore } from "@sotto/client";
     const alice = await createClient({ url: "${url}", store: sqliteStore("alice.db") });
     const bob = await createClient({ url: "${url}", store: sqliteStore("bob.db") });
     for (const client of [alice, bob]) {
       client.on("status", ({ status }) => console.error(status));
       client.on("trouble", ({ error }) => console.error(error));
       client.on("signed-out", ({ error }) => console.error(error));
     }
     const heard = bob.messages()[Symbol.asyncIterator]();
     const chat = await alice.conversations.direct("bob");
     console.log((await chat.history()).map(({ text }) => text).join("; "));
     await (await chat.send({ text: "still here" })).accepted;
     console.log((await heard.next()).value.text);
     await Promise.all([alice.close(), bob.close()]);`,
  );
  const again = run(file);
  expect(await again.ended, again.errors()).toBe(0);
  expect(again.output().trim()).toBe('hi; You said "hi".; bye\nstill here');
});
