// What processes have used, from /proc. NaN where there is none (other systems than Linux).
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

interface Usage {
  readonly parent: number;
  readonly cpuMs: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenCpuMs: number;
}

function readUsage(pid: number): Usage | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    // It has ended, or this is not Linux.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
  // The name, in parentheses, may hold anything; state and parent are the first fields after it.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const at = (index: number): number => fields[index] ?? 0;
  return {
    parent: at(1),
    cpuMs: (at(11) + at(12)) * MS_PER_TICK,
    endedChildrenCpuMs: (at(13) + at(14)) * MS_PER_TICK,
  };
}

/** Processor time of one process, in milliseconds, all threads. */
export function cpuMsOf(pid: number): number {
  return readUsage(pid)?.cpuMs ?? Number.NaN;
}

/** Processor time of a process and its children, living and ended, in milliseconds. */
export function cpuMsOfFamily(pid: number): number {
  const own = readUsage(pid);
  if (own === undefined) return Number.NaN;
  const living = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readUsage(Number(name)))
    .filter((usage) => usage?.parent === pid);
  return living.reduce((sum, usage) => sum + (usage?.cpuMs ?? 0), own.cpuMs + own.endedChildrenCpuMs);
}

/** Resident memory of a process in kB (1000 bytes). */
export function residentKbOf(pid: number): number {
  try {
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
    return (kib * 1024) / 1000;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Number.NaN;
    throw error;
  }
}
