// <data dir>/run.json: what runs now, for the demo and for tests. It is gone after an orderly end; after a
// kill -9 it names processes that no longer run.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface RunningPart {
  readonly name: string;
  readonly pid: number | undefined;
  readonly port: number;
  readonly url: string;
}

export interface RunFile {
  readonly url: string;
  /** Of the launcher. */
  readonly pid: number;
  /** What carries the events. */
  readonly bus: "PostgreSQL" | "RabbitMQ";
  readonly parts: readonly RunningPart[];
}

function fileIn(dataDir: string): string {
  return path.join(dataDir, "run.json");
}

/** Replaces the file as a whole: a reader sees the old or the new one. */
export function writeRunFile(dataDir: string, content: RunFile): void {
  const scratch = `${fileIn(dataDir)}.new`;
  writeFileSync(scratch, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(scratch, fileIn(dataDir));
}

/** Undefined when nothing runs from there. */
export function readRunFile(dataDir: string): RunFile | undefined {
  const file = fileIn(dataDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RunFile) : undefined;
}

export function removeRunFile(dataDir: string): void {
  rmSync(fileIn(dataDir), { force: true });
}
