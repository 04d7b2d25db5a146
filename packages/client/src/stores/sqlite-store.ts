import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { DeviceStore, Write } from "@sotto/e2ee/store";
import { SottoError } from "../sotto-error.ts";
import { type AtRestCipher, createAtRestCipher } from "./at-rest-cipher.ts";
import { isErrno, makeKeyFile, readKeyFile } from "./key-file.ts";
import { checkRowKey, checkWrites } from "./row-key.ts";

const SQLITE_BUSY = 5;
/** This row proves that the key file belongs to the database. */
const PROBE = { table: "store", key: "probe" } as const;

/**
 * Opens (or makes) the file `path` and, beside it, `path.key`: both 0600. Values are encrypted under the key file;
 * table names and keys (ids of accounts, devices, conversations) are not. One process at a time: the operating system
 * holds the lock, so a dead process leaves none behind. Throws `store_in_use`, `store_key_missing`, `store_key_wrong`.
 */
export async function openSqliteStore(path: string): Promise<DeviceStore> {
  makeOwnerOnly(path);
  const database = openLocked(path);
  try {
    const cipher = createAtRestCipher(openKey(database, `${path}.key`));
    const opened = { database, cipher, statements: prepareAll(database) };
    probe(opened);
    return createStore(opened);
  } catch (error) {
    database.close();
    throw error;
  }
}

function makeOwnerOnly(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (cause) {
    if (!isErrno(cause, "EEXIST")) {
      throw new SottoError("store_unavailable", `Cannot make the store ${path}`, { cause });
    }
    chmodSync(path, 0o600);
  }
}

function openLocked(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Before anything is read: in WAL mode an exclusive connection keeps the lock until it is closed.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    database.exec("BEGIN EXCLUSIVE");
    database.exec(
      `CREATE TABLE IF NOT EXISTS row
         ("table" TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY ("table", key))
         STRICT, WITHOUT ROWID`,
    );
    database.exec("COMMIT");
    return database;
  } catch (cause) {
    database.close();
    if (isBusy(cause)) {
      throw new SottoError("store_in_use", `Another process has the store ${path} open`, { cause });
    }
    throw new SottoError("store_unavailable", `Cannot open the store ${path}`, { cause });
  }
}

/** Node gives extended result codes, such as 261 for a log that somebody recovers; the low byte is the primary one. */
export function isBusy(error: unknown): boolean {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return false;
  return (error.errcode & 0xff) === SQLITE_BUSY;
}

function openKey(database: DatabaseSync, path: string): Uint8Array {
  const key = readKeyFile(path);
  if (key !== undefined) return key;
  if (database.prepare("SELECT 1 FROM row LIMIT 1").get() !== undefined) {
    throw new SottoError("store_key_missing", `The store cannot be read without its key file ${path}`);
  }
  return makeKeyFile(path);
}

function probe(opened: Opened): void {
  const { table, key } = PROBE;
  const sealed = findValue(opened.statements, table, key);
  if (sealed === undefined) writeAll(opened, [{ table, key, value: Uint8Array.of(1) }]);
  else opened.cipher.open(table, key, sealed);
}

type Statements = { readonly [Name in "find" | "select" | "put" | "remove"]: StatementSync };

function prepareAll(database: DatabaseSync): Statements {
  return {
    find: database.prepare(`SELECT value FROM row WHERE "table" = ? AND key = ?`),
    select: database.prepare(
      `SELECT key, value FROM row WHERE "table" = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key LIMIT ?`,
    ),
    put: database.prepare(`INSERT OR REPLACE INTO row ("table", key, value) VALUES (?, ?, ?)`),
    remove: database.prepare(`DELETE FROM row WHERE "table" = ? AND key = ?`),
  };
}

type Opened = {
  readonly database: DatabaseSync;
  readonly cipher: AtRestCipher;
  readonly statements: Statements;
};

function findValue({ find }: Statements, table: string, key: string): Uint8Array | undefined {
  return find.get(table, key)?.value as Uint8Array | undefined;
}

function writeAll({ database, cipher, statements }: Opened, writes: readonly Write[]): void {
  const { put, remove } = statements;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const { table, key, value } of writes) {
      if (value === null) remove.run(table, key);
      else put.run(table, key, cipher.seal(table, key, value));
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function createStore(opened: Opened): DeviceStore {
  const { database, cipher, statements } = opened;
  const assertOpen = () => {
    if (!database.isOpen) throw new SottoError("closed", "The store is closed");
  };
  return {
    async get(table, key) {
      assertOpen();
      checkRowKey(table, key);
      const sealed = findValue(statements, table, key);
      return sealed === undefined ? undefined : cipher.open(table, key, sealed);
    },
    async list(table, { from = "", to, limit = -1 } = {}) {
      assertOpen();
      return statements.select.all(table, from, to ?? null, to ?? null, limit).map((row) => {
        const key = row.key as string;
        return { key, value: cipher.open(table, key, row.value as Uint8Array) };
      });
    },
    async commit(writes) {
      assertOpen();
      checkWrites(writes);
      writeAll(opened, writes);
    },
    async close() {
      if (database.isOpen) database.close();
    },
  };
}
