import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { acquireLock, LockedError } from "./lock.ts";
import { identify, isRunning } from "./process-identity.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-lock-"));
  file = path.join(folder, "lock");
});

afterEach(() => rmSync(folder, { recursive: true }));

it("is held by one, and free again after release", () => {
  const lock = acquireLock(file);
  expect(() => acquireLock(file)).toThrow(LockedError);
  lock.release();
  acquireLock(file).release();
  expect(readdirSync(folder)).toEqual([]);
});

it("names the process that holds it", () => {
  acquireLock(file);
  try {
    acquireLock(file);
    expect.unreachable();
  } catch (error) {
    expect((error as LockedError).owner.pid).toBe(process.pid);
  }
});

it("is taken from a process that no longer runs", () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(file, JSON.stringify({ pid, startedAt: "1" }));
  acquireLock(file).release();
});

it("is taken from a pid that now belongs to another process", () => {
  const me = identify(process.pid);
  writeFileSync(file, JSON.stringify({ pid: me?.pid, startedAt: "long ago" }));
  acquireLock(file).release();
});

it.each(["", "{", "null", "[]", '{"pid":"x"}'])("is taken when its file is damaged: %j", (content) => {
  writeFileSync(file, content);
  acquireLock(file).release();
});

it("is not released by somebody who lost it", () => {
  const lock = acquireLock(file);
  writeFileSync(file, JSON.stringify({ pid: 1, startedAt: "other" }));
  lock.release();
  expect(existsSync(file)).toBe(true);
});

it("is got by exactly one of many processes that find a stale one at the same moment", async () => {
  writeFileSync(file, JSON.stringify({ pid: 999_999, startedAt: "1" }));
  const module = fileURLToPath(new URL("./lock.ts", import.meta.url));
  const code = `import { acquireLock } from ${JSON.stringify(module)};
    try { acquireLock(${JSON.stringify(file)}); console.log("got"); setInterval(() => undefined, 1000); } catch { console.log("lost"); }`;
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", code]),
  );
  const said = await Promise.all(
    children.map(
      (child) =>
        new Promise<string>((resolve) =>
          child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim())),
        ),
    ),
  );
  for (const child of children) child.kill("SIGKILL");
  expect(said.filter((word) => word === "got")).toHaveLength(1);
});

it("tells a running process from an ended one", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error("the child is not found");
  expect(isRunning(identity)).toBe(true);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  expect(isRunning(identity)).toBe(false);
  expect(identify(0)).toBeUndefined();
});
