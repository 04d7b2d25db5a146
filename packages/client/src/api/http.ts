import { errorStatus, type Problem, problem } from "@sotto/contracts/errors";
import type { z } from "zod";
import { SottoError } from "../sotto-error.ts";

const REQUEST_TIMEOUT_MS = 15_000;
/** For a whole file, however slow the line. */
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

export type Request<T> = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the origin on, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** What the answer must be; absent when the answer has no body that matters. */
  readonly answer?: z.ZodType<T>;
};

export type Http = {
  /** Throws SottoError: `network` (no answer), `bad_answer` (not what the contract says), or the server's own code. */
  request<T>(request: Request<T>, headers?: Record<string, string>): Promise<T>;
  /** A ZIP file, as it came. Throws as `request` does. */
  download(path: string, headers?: Record<string, string>): Promise<Uint8Array>;
  /** Ends every request under way, and refuses new ones with `closed`. */
  close(): void;
};

/** REST calls to one installation. Every answer is validated before anything uses it. */
export function createHttp(url: string): Http {
  const closing = new AbortController();
  const exchange = async <T>(path: string, init: RequestInit, timeoutMs: number, read: Read<T>) => {
    if (closing.signal.aborted) throw new SottoError("closed", "The client is closed");
    const target = new URL(path, url);
    try {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(target, { ...init, signal });
      if (response.ok) return await read(response);
      throw refusal(response, await response.text());
    } catch (cause) {
      if (cause instanceof SottoError) throw cause;
      if (closing.signal.aborted) throw new SottoError("closed", "The client is closed", { cause });
      throw new SottoError("network", `No answer from ${target.origin}`, { cause });
    }
  };
  return {
    async request<T>({ method, path, body, answer }: Request<T>, headers: Record<string, string> = {}) {
      const init: RequestInit = {
        method,
        headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const text = await exchange(path, init, REQUEST_TIMEOUT_MS, (response) => response.text());
      if (answer === undefined) return undefined as T;
      return validate(answer, parseJson(text), `${method} ${path}`);
    },
    download: (path, headers = {}) =>
      exchange(path, { headers }, DOWNLOAD_TIMEOUT_MS, async (response) => {
        if (mediaTypeOf(response) === "application/zip") return new Uint8Array(await response.arrayBuffer());
        throw new SottoError("bad_answer", `The server's answer to GET ${path} is no ZIP file`);
      }),
    close: () => closing.abort(),
  };
}

type Read<T> = (response: Response) => Promise<T>;

function mediaTypeOf({ headers }: Response): string {
  const [mediaType = ""] = (headers.get("content-type") ?? "").split(";");
  return mediaType.trim().toLowerCase();
}

function refusal(response: Response, text: string): SottoError {
  const parsed = problem.safeParse(parseJson(text));
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  if (!parsed.success || !isOurs(response, parsed.data)) {
    // A proxy without a service behind it, or another server at this address: that is like no answer.
    const code = response.status >= 500 || response.status === 429 ? "network" : "bad_answer";
    return new SottoError(code, `The server answered ${response.status} without saying why`, {
      retryAfterSeconds,
    });
  }
  const { code, detail, title, details, issues } = parsed.data;
  return new SottoError(code, detail ?? title, {
    details: details ?? issues,
    retryAfterSeconds: parsed.data.retryAfterSeconds ?? retryAfterSeconds,
  });
}

/** A code decides what becomes of messages and sessions: only what nobody but a service of ours says is believed. */
function isOurs(response: Response, { code, type, ...said }: Problem): boolean {
  if (mediaTypeOf(response) !== "application/problem+json") return false;
  const { status } = response;
  return type === `urn:sotto:error:${code}` && said.status === status && errorStatus[code] === status;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON is not what any schema asks for: the caller's validation says so.
    return undefined;
  }
}

/** Throws `bad_answer`, naming where the value departs from its schema but never the value. */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path, code }) => `${path.join(".")} (${code})`).join(", ");
  throw new SottoError("bad_answer", `The server's answer to ${what} is not as agreed: ${where}`);
}
