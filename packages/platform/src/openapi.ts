import { type ErrorCode, errorCode, errorStatus, type Problem } from "@sotto/contracts/errors";

/** What this file touches of an OpenAPI 3.1 document. */
export type ApiDocument = {
  openapi: string;
  info: { title: string; version: string };
  paths?: Record<string, Record<string, ApiOperation>> | undefined;
  components?: Record<string, unknown> | undefined;
};
export type ApiOperation = {
  operationId?: string | undefined;
  tags?: string[] | undefined;
  summary?: string | undefined;
  security?: unknown[] | undefined;
  requestBody?: unknown;
  responses?: Record<string, ApiAnswer> | undefined;
};
type ApiAnswer = { description?: string | undefined; content?: Record<string, ApiMedia> | undefined };
type ApiMedia = { schema?: unknown; examples?: Record<string, unknown> | undefined };

const PROBLEM_TYPE = "application/problem+json";
const SAFE_METHODS: ReadonlySet<string> = new Set(["get", "head", "options"]);

/**
 * Adds what is the same for every route, so that no route has to say it: an operation id, the problems that are found
 * before a route is reached, and an example of each problem. What a route says itself stays.
 */
export function completeDocument(document: ApiDocument, everyCaller: readonly ErrorCode[]): ApiDocument {
  const paths = Object.entries(document.paths ?? {}).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations).map(([method, operation]) => [
        method,
        completeOperation(operation, { method, path, everyCaller }),
      ]),
    ),
  ]);
  return mendPatterns({
    ...document,
    servers: [{ url: "/" }],
    paths: Object.fromEntries(paths),
    components: { ...document.components, examples: problemExamples() },
  });
}

/** The generator writes a pattern with flags as `…/u`, which would be a part of the pattern. All are Unicode patterns. */
function mendPatterns<T>(value: T): T {
  if (Array.isArray(value)) return value.map(mendPatterns) as T;
  if (typeof value !== "object" || value === null) return value;
  const mended = Object.entries(value).map(([name, part]) => [
    name,
    name === "pattern" && typeof part === "string" ? part.replace(/\/[a-z]+$/, "") : mendPatterns(part),
  ]);
  return Object.fromEntries(mended) as T;
}

type Place = { method: string; path: string; everyCaller: readonly ErrorCode[] };

function completeOperation(operation: ApiOperation, place: Place): ApiOperation {
  const responses = { ...operation.responses };
  for (const code of edgeCodes(operation, place)) {
    const status = String(errorStatus[code]);
    responses[status] = withCode(responses[status], code);
  }
  for (const answer of Object.values(responses)) addExamples(answer);
  return { ...operation, operationId: operation.operationId ?? nameOperation(place), responses };
}

function edgeCodes({ security, requestBody }: ApiOperation, { method, everyCaller }: Place): ErrorCode[] {
  const isCalled = (security ?? []).length > 0;
  const isUnsafe = !SAFE_METHODS.has(method);
  const calledCodes: ErrorCode[] = ["unauthenticated", "token_expired", "unavailable", ...everyCaller];
  return [
    ...(isCalled ? calledCodes : []),
    ...(isCalled && isUnsafe ? (["forbidden"] as const) : []),
    ...(isUnsafe ? (["payload_too_large"] as const) : []),
    ...(requestBody ? (["bad_request", "unsupported_media_type"] as const) : []),
  ];
}

function withCode(answer: ApiAnswer | undefined, code: ErrorCode): ApiAnswer {
  const names = answer?.description?.split(", ") ?? [];
  const description = names.includes(code) ? names : [...names, code];
  const content = answer?.content ?? { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } };
  return { ...answer, description: description.join(", "), content };
}

/** `problems` of http.ts leaves the names of the codes in the description. */
function addExamples({ description, content }: ApiAnswer): void {
  const media = content?.[PROBLEM_TYPE];
  if (!media || !description) return;
  const codes = description.split(", ").filter((name) => errorCode.safeParse(name).success);
  media.examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
}

function problemExamples(): Record<string, { value: Problem }> {
  return Object.fromEntries(
    errorCode.options.map((code) => [
      code,
      {
        value: {
          type: `urn:sotto:error:${code}`,
          title: code.replaceAll("_", " "),
          status: errorStatus[code],
          code,
          requestId: "0199c2a4-7d1e-7c3a-9b1f-2f6f6f0f3a11",
        },
      },
    ]),
  );
}

/** `delete /api/user/sessions/{sessionId}` becomes `deleteUserSessionsBySessionId`: unique in the whole installation. */
function nameOperation({ method, path }: Place): string {
  const words = path
    .replace(/^\/api\//, "")
    .replaceAll(/\{(\w+)\}/g, "by/$1")
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
