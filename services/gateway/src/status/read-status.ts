import { z } from "zod";
import type { Backend, Backends } from "../config.ts";

export interface PartStatus {
  readonly name: string;
  readonly status: "ready" | "not ready" | "down";
  /** What of its dependencies does not answer. */
  readonly failing: readonly string[];
}

const TIMEOUT_MS = 2_500;
const healthAnswer = z.object({ checks: z.record(z.string(), z.string()).optional() });

function failingChecks(body: unknown): string[] {
  const { data } = healthAnswer.safeParse(body);
  return Object.entries(data?.checks ?? {}).flatMap(([check, result]) => (result === "ok" ? [] : [check]));
}

async function askPart({ name, url }: Backend): Promise<PartStatus> {
  try {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body: unknown = await answer.json();
    return { name, status: answer.ok ? "ready" : "not ready", failing: failingChecks(body) };
  } catch {
    // Refused, too slow, or no JSON: for whoever looks at the page that is the finding itself.
    return { name, status: "down", failing: [] };
  }
}

/** Asks every part whether it is ready, now. */
export async function readStatus(backends: Backends): Promise<{ parts: PartStatus[] }> {
  return { parts: await Promise.all(Object.values(backends).flat().map(askPart)) };
}
