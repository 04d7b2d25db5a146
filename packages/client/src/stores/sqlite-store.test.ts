import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isBusy, openSqliteStore } from "./sqlite-store.ts";

const child = fileURLToPath(new URL("./testing/commit-generations.ts", import.meta.url));
const ROWS = 5;
let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sotto-sqlite-"));
  path = join(folder, "alice.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function generations(): Promise<number[]> {
  const store = await openSqliteStore(path);
  const rows = await store.list("t");
  await store.close();
  return rows.map((row) => row.value[0] ?? -1);
}

describe("a store killed between any two calls into SQLite", () => {
  it("holds every commit that resolved, and each commit whole or not at all", async () => {
    const whole = spawnSync(process.execPath, [child, path, "0"], { encoding: "utf8" });
    const calls = Number(/calls (\d+)/.exec(whole.stdout)?.[1]);
    expect(calls).toBeGreaterThan(40);
    let last = 3;
    let kills = 0;
    for (let dieAt = 1; dieAt <= calls; dieAt += 1) {
      const { stdout, signal } = spawnSync(process.execPath, [child, path, `${dieAt}`], { encoding: "utf8" });
      const said = Math.max(last, ...stdout.split("\n").filter(Boolean).map(Number).filter(Number.isInteger));
      const seen = await generations();
      expect(seen).toHaveLength(ROWS);
      expect(new Set(seen).size).toBe(1);
      expect(seen[0]).toBeGreaterThanOrEqual(said);
      last = seen[0] ?? -1;
      if (signal === "SIGKILL") kills++;
    }
    // The first run also made the file and its probe row: the later ones need a few calls less.
    expect(kills).toBeGreaterThan(calls - 20);
  }, 60_000);

  it("leaves no lock behind, and is refused to others while it lives", async () => {
    const script = `const { openSqliteStore } = await import(${JSON.stringify(new URL("./sqlite-store.ts", import.meta.url).href)});
      await openSqliteStore(${JSON.stringify(path)}); console.log("open"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script]);
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const second = openSqliteStore(path).catch((error: unknown) => error);
    await second;
    const gone = new Promise((resolve) => holder.once("exit", resolve));
    holder.kill("SIGKILL");
    await gone;
    expect(await second).toMatchObject({ code: "store_in_use" });
    await (await openSqliteStore(path)).close();
  });

  it("is known by every kind of busy that SQLite tells: plain, recovery, snapshot, timeout; and by no other", () => {
    const told = [5, 261, 517, 773, 1, 6, 1555].map((errcode) =>
      isBusy(Object.assign(new Error(), { errcode })),
    );
    expect(told).toEqual([true, true, true, true, false, false, false]);
  });
});

describe("what lies on the disk", () => {
  it("is readable by its owner alone: database, log and key", async () => {
    const store = await openSqliteStore(path);
    await store.commit([{ table: "t", key: "k", value: Uint8Array.of(1) }]);
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({
      "alice.db": 0o600,
      "alice.db-wal": 0o600,
      "alice.db.key": 0o600,
    });
    await store.close();
  });

  it("holds no value in the clear", async () => {
    const store = await openSqliteStore(path);
    await store.commit([{ table: "t", key: "k", value: new TextEncoder().encode("the-secret-plaintext") }]);
    const live = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    await store.close();
    const closed = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    for (const bytes of [...live, ...closed]) expect(bytes.includes("the-secret-plaintext")).toBe(false);
  });

  it("is refused under another key, without its key, and with a broken key file", async () => {
    const store = await openSqliteStore(path);
    await store.close();
    const key = readFileSync(`${path}.key`);
    writeFileSync(`${path}.key`, new Uint8Array(32));
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: "store_key_wrong" });
    writeFileSync(`${path}.key`, key.subarray(0, 7));
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: "store_key_wrong" });
    rmSync(`${path}.key`);
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: "store_key_missing" });
    writeFileSync(`${path}.key`, key);
    await (await openSqliteStore(path)).close();
  });

  it("cannot be moved from one row to another", async () => {
    const { createAtRestCipher } = await import("./at-rest-cipher.ts");
    const cipher = createAtRestCipher(new Uint8Array(32).fill(7));
    const sealed = cipher.seal("t", "a", Uint8Array.of(1, 2));
    expect(cipher.open("t", "a", sealed)).toEqual(Uint8Array.of(1, 2));
    expect(() => cipher.open("t", "b", sealed)).toThrow(expect.objectContaining({ code: "store_key_wrong" }));
  });

  it("is no database: a typed error says so", async () => {
    writeFileSync(
      path,
      "something else that is longer than a header of SQLite, which has one hundred bytes".repeat(3),
    );
    await expect(openSqliteStore(path)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
