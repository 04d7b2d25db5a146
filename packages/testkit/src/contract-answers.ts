// Whether an answer is what the document of its operation says, and what every answer must be.
import { errorStatus, problem } from "@sotto/contracts/errors";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Operation, Schema } from "./contract-document.ts";

/** Found before an operation is reached, whichever it is. */
const EDGE_STATUSES: ReadonlySet<number> = new Set([413, 415]);
/** What an answer of a server that is no longer sure of itself could hold. */
const INTERNALS =
  /\bat .+\.[jt]s:\d+|node_modules|select .+ from|insert into|postgres:|127\.0\.0\.1|ECONNREFUSED/i;

const ajv = new Ajv2020({
  strict: false,
  validateSchema: false,
  formats: { "date-time": isDateTime, email: /^[^@\s]+@[^@\s]+$/ },
});
const compiled = new WeakMap<Schema, ValidateFunction>();

function isDateTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text);
}

function validatorOf(schema: Schema): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  const made = ajv.compile(schema);
  compiled.set(schema, made);
  return made;
}

export type Answered = { readonly status: number; readonly headers: Headers; readonly text: string };

/** What is wrong with `answer` to `operation`; empty when nothing is. */
export function faultsOf(operation: Operation, answer: Answered): string[] {
  return [...headerFaults(operation, answer), ...bodyFaults(operation, answer)];
}

function headerFaults({ method, path }: Operation, { status, headers }: Answered): string[] {
  const expected: Record<string, RegExp> = {
    "x-content-type-options": /^nosniff$/,
    "referrer-policy": /^no-referrer$/,
    "content-security-policy": /^default-src 'none'; frame-ancestors 'none'$/,
    "cross-origin-resource-policy": /^same-origin$/,
    "x-request-id": /^[\w=-]{1,64}$/,
    // What is published may be kept, what is said to a caller may not.
    "cache-control": path.endsWith("/jwks.json") && status === 200 ? /^public, max-age=\d+$/ : /^no-store$/,
    ...(status === 401 && { "www-authenticate": /^Bearer$/ }),
    ...(status === 405 && { allow: /^[A-Z, ]+$/ }),
    ...(status === 429 && { "retry-after": /^[1-9]\d*$/ }),
  };
  const wrong = Object.entries(expected)
    .filter(([name, value]) => !value.test(headers.get(name) ?? ""))
    .map(([name]) => `${name}: ${headers.get(name)}`);
  const surplus = ["server", "x-powered-by", "access-control-allow-origin"].filter((name) =>
    headers.has(name),
  );
  return [...wrong, ...surplus].map((fault) => `${method} ${path} has the header ${fault}`);
}

function bodyFaults(operation: Operation, { status, headers, text }: Answered): string[] {
  if (status >= 400) return problemFaults(operation, { status, headers, text });
  const documented = operation.responses[String(status)];
  if (!documented) return [`status ${status} is not documented`];
  const type = headers.get("content-type")?.split(";")[0] ?? "";
  if (!documented.content) return text === "" ? [] : [`a body that is not documented: ${text.slice(0, 200)}`];
  const schema = documented.content[type]?.schema;
  if (!schema) return [`a body of the type ${type} is not documented`];
  if (type !== "application/json") return [];
  const validate = validatorOf(schema);
  return validate(JSON.parse(text)) ? [] : [`${ajv.errorsText(validate.errors)} in ${text.slice(0, 300)}`];
}

function problemFaults(operation: Operation, { status, headers, text }: Answered): string[] {
  if (headers.get("content-type") !== "application/problem+json")
    return [`${status} is no problem+json: ${text}`];
  const { data } = problem.safeParse(JSON.parse(text));
  if (!data) return [`${status} is no problem: ${text}`];
  const faults: string[] = [];
  if (data.status !== status || errorStatus[data.code] !== status)
    faults.push(`${data.code} came with ${status}`);
  if (data.requestId !== headers.get("x-request-id")) faults.push("the request ids differ");
  if (status === 429 && headers.get("retry-after") !== String(data.retryAfterSeconds))
    faults.push("waits differ");
  if (!EDGE_STATUSES.has(status) && !operation.codes.has(data.code) && status < 500) {
    faults.push(`the problem ${data.code} is not documented`);
  }
  if (status >= 500 || INTERNALS.test(text)) faults.push(`something of the inside: ${text.slice(0, 300)}`);
  return faults;
}
