// Finds the processes that a run of the gate left behind. Everything it starts gets a TMPDIR of its own, and
// inherits it or is told a path in it: that path is the mark.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** A parent that has just ended leaves its children a moment to notice. */
const PATIENCE_MS = 15_000;
const POLL_MS = 250;

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  } catch (error) {
    // It ended meanwhile, or belongs to somebody else and is therefore none of ours.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return "";
    throw error;
  }
}

function findInProc(mark: string): Leftover[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.flatMap((pid) => {
    if (pid === process.pid) return [];
    const command = readProc(pid, "cmdline").trim();
    return command !== "" && `${command} ${readProc(pid, "environ")}`.includes(mark)
      ? [{ pid, command }]
      : [];
  });
}

/** -E shows the environment behind the command. */
function findByPs(mark: string): Leftover[] {
  const table = execFileSync("ps", ["-axEww", "-o", "pid=,command="], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return table.split("\n").flatMap((line) => {
    const pid = Number.parseInt(line, 10);
    if (!line.includes(mark) || pid === process.pid || line.includes(" ps -axEww ")) return [];
    return [{ pid, command: line.trim().split(" ").slice(1, 6).join(" ") }];
  });
}

function findMarked(mark: string): Leftover[] {
  if (process.platform === "linux") return findInProc(mark);
  return process.platform === "win32" ? [] : findByPs(mark);
}

/** The processes with the mark that do not end by themselves. */
export async function findLeftovers(mark: string, patienceMs = PATIENCE_MS): Promise<Leftover[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = findMarked(mark);
    if (found.length === 0 || performance.now() > deadline) return found;
    await delay(POLL_MS);
  }
}
