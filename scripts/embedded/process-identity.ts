// Process ids are reused, so a bare pid in a file says nothing. A pid together with the moment that process
// started names one process for good.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque and comparable on one machine: clock ticks on Linux, a date text on macOS, empty on Windows. */
  readonly startedAt: string;
}

function ps(pid: number, field: string): string | undefined {
  try {
    const out = execFileSync("ps", ["-ww", "-o", `${field}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return out.trim() || undefined;
  } catch (error) {
    // ps exits with 1 when there is no such process; anything else (ps missing) must be heard.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

function linuxIdentity(pid: number): ProcessIdentity | undefined {
  // The second field is the program's name in brackets, and may itself hold blanks and brackets.
  const stat = readProc(pid, "stat");
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie (Z) or dying process (X) has ended, only its parent has not asked yet.
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startedAt: fields[19] ?? "" };
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The identity of a running process, or undefined when no such process runs. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") return linuxIdentity(pid);
  if (process.platform === "win32") return signalReaches(pid) ? { pid, startedAt: "" } : undefined;
  const startedAt = ps(pid, "lstart");
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether exactly this process (not a later one with the same pid) still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

/** The program's name (without folder) and arguments as one text, or undefined when it does not run. */
export function commandLine(pid: number): { program: string; line: string } | undefined {
  const line =
    process.platform === "linux" ? readProc(pid, "cmdline")?.replaceAll("\0", " ") : ps(pid, "command");
  if (!line) return undefined;
  return { program: path.basename(line.split(" ", 1)[0] ?? ""), line };
}
