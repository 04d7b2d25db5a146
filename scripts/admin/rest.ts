import { type Problem, problem } from "@sotto/contracts/errors";
import type { z } from "zod";

const TIMEOUT_MS = 15_000;

/** What the installation refused; `problem` says why. */
export class RefusedError extends Error {
  readonly problem: Problem;

  constructor(refused: Problem) {
    super([refused.detail ?? refused.title, ...describeIssues(refused)].join("\n"));
    this.problem = refused;
  }
}

export type Request<S extends z.ZodType> = {
  readonly method: "GET" | "POST" | "PUT";
  /** From the origin on. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly answer: S;
};

/** One request; the answer is checked. @throws RefusedError, Error that says what to do when nobody answers. */
export async function request<S extends z.ZodType>(
  url: string,
  { method, path, body, token, answer }: Request<S>,
): Promise<z.infer<S>> {
  const response = await exchange(url, path, {
    method,
    headers: {
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const refused = response.status >= 400 ? problem.safeParse(response.body) : undefined;
  if (refused?.success) throw new RefusedError(refused.data);
  const parsed = answer.safeParse(response.body);
  if (response.status >= 300 || !parsed.success) {
    throw new Error(`${url} answered ${response.status} to ${method} ${path}, and not as Sotto would.`);
  }
  return parsed.data;
}

async function exchange(url: string, path: string, init: RequestInit) {
  try {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : parseJson(text) };
  } catch (error) {
    const reason = (error as Error).cause instanceof Error ? ((error as Error).cause as Error) : error;
    throw new Error(
      `No Sotto answers at ${url} (${(reason as Error).message}). Start it, or name it with --url.`,
      { cause: error },
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describeIssues({ issues, retryAfterSeconds }: Problem): string[] {
  const lines = (issues ?? []).map(({ path, message }) => `  ${path}: ${message}`);
  return retryAfterSeconds === undefined ? lines : [...lines, `  Wait ${retryAfterSeconds} s.`];
}
