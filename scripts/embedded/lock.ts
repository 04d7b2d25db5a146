// One process per folder. Node has no flock(2), so the lock is a file that names its owner; a file whose owner
// no longer runs is stale (kill -9, power cut) and is taken over.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { identify, isRunning, type ProcessIdentity } from "./process-identity.ts";

export interface Lock {
  release(): void;
}

/** Thrown when another running process holds the lock; `owner` is that process. */
export class LockedError extends Error {
  readonly owner: ProcessIdentity;
  constructor(file: string, owner: ProcessIdentity) {
    super(`${file} is held by the running process ${owner.pid}`);
    this.name = "LockedError";
    this.owner = owner;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parseOwner(text: string): ProcessIdentity | undefined {
  try {
    const { pid, startedAt } = (JSON.parse(text) ?? {}) as Partial<ProcessIdentity>;
    return typeof pid === "number" && typeof startedAt === "string" ? { pid, startedAt } : undefined;
  } catch (error) {
    // A disk that was full, or a power cut, leaves an empty file: it names nobody, so nobody holds it.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** link(2) makes the file with its whole content at once, or fails: no reader sees a half-written owner. */
function tryLink(mine: string, file: string): boolean {
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Moves a stale lock file away. Renaming lets one of several takers win; a live lock moved by mistake goes back. */
function removeStale(file: string, staleText: string, scratch: string): void {
  try {
    renameSync(file, scratch);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  if (readText(scratch) !== staleText) tryLink(scratch, file);
  rmSync(scratch, { force: true });
}

/**
 * Takes the lock `file` for this process. The folder must exist.
 * Throws `LockedError` when a running process (this one included) holds it.
 */
export function acquireLock(file: string): Lock {
  const me = identify(process.pid);
  if (me === undefined) throw new Error("this process cannot find its own entry in the process table");
  const text = JSON.stringify(me);
  const mine = `${file}.${process.pid}.new`;
  const scratch = `${file}.${process.pid}.stale`;
  writeFileSync(mine, text, { mode: 0o644 });
  try {
    while (!tryLink(mine, file)) {
      const found = readText(file);
      if (found === undefined) continue;
      const owner = parseOwner(found);
      if (owner !== undefined && isRunning(owner)) throw new LockedError(file, owner);
      removeStale(file, found, scratch);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return {
    release: () => {
      if (readText(file) === text) rmSync(file, { force: true });
    },
  };
}
