// Reads the examples of docs/protocol.md: pairs of ```http blocks, a request and its answer.

export type Example = {
  /** Line of the document, for messages. */
  readonly line: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined without a body; with `…` in its strings where the document leaves characters out. */
  readonly body: unknown;
  readonly status: number;
  readonly answer: unknown;
};

/** A member that stands for others which the document leaves out. */
const MORE = "…more";

export function readExamples(markdown: string): Example[] {
  const blocks = [...markdown.matchAll(/^```http\n([\s\S]*?)^```$/gm)].map((match) => ({
    text: match[1] ?? "",
    line: markdown.slice(0, match.index).split("\n").length,
  }));
  if (blocks.length % 2 !== 0) throw new Error("a request has no answer");
  const examples: Example[] = [];
  for (let index = 0; index < blocks.length; index += 2) {
    const [request, answer] = blocks.slice(index, index + 2) as [(typeof blocks)[0], (typeof blocks)[0]];
    examples.push({ line: request.line, ...readRequest(request.text), ...readAnswer(answer.text) });
  }
  return examples;
}

function splitBody(text: string): { head: string[]; body: unknown } {
  const start = text.search(/^[{[]/m);
  const head = (start === -1 ? text : text.slice(0, start)).trim().split("\n");
  return {
    head,
    body: start === -1 ? undefined : JSON.parse(text.slice(start).replace(/…(?=\s*})/g, `"${MORE}": true`)),
  };
}

function readRequest(text: string) {
  const { head, body } = splitBody(text);
  const [method, path] = (head[0] ?? "").split(" ") as [string, string];
  const headers = Object.fromEntries(head.slice(1).map((line) => line.split(": ") as [string, string]));
  return { method, path, headers, body };
}

function readAnswer(text: string) {
  const { head, body } = splitBody(text);
  return { status: Number(head[0]), answer: body };
}

/** Puts the values of `names` where the example says `{name}`. */
export function fill<T>(example: T, names: Readonly<Record<string, string>>): T {
  const text = JSON.stringify(example).replace(
    /\{([a-zA-Z]+)\}/g,
    (whole, name: string) => names[name] ?? whole,
  );
  return JSON.parse(text) as T;
}

const FORMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "<uuid>": (value) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(String(value)),
  "<time>": (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)),
  "<token>": (value) => typeof value === "string" && value.length >= 20,
  "<number>": (value) => typeof value === "number",
};

/** What differs between an example and a real value, as lines; empty when the example is true. */
export function differences(example: unknown, real: unknown, at = "$"): string[] {
  if (Array.isArray(example)) return differentArrays(example, real, at);
  if (typeof example === "object" && example !== null) return differentObjects(example, real, at);
  return matches(example, real)
    ? []
    : [`${at}: the document says ${JSON.stringify(example)}, it is ${JSON.stringify(real)}`];
}

function matches(example: unknown, real: unknown): boolean {
  if (typeof example !== "string") return Object.is(example, real);
  const form = FORMS[example];
  if (form) return form(real);
  if (!example.includes("…")) return example === real;
  const [start = "", end = ""] = example.split("…");
  return typeof real === "string" && real.startsWith(start) && real.endsWith(end);
}

/** The first element of an example stands for all; an empty example is an empty array. */
function differentArrays(example: readonly unknown[], real: unknown, at: string): string[] {
  if (!Array.isArray(real)) return [`${at}: the document has an array`];
  if (example.length === 0 || real.length === 0) {
    return example.length === real.length
      ? []
      : [`${at}: the document has ${example.length} elements, there are ${real.length}`];
  }
  return real.flatMap((element, index) =>
    differences(example[index] ?? example[0], element, `${at}[${index}]`),
  );
}

function differentObjects(example: object, real: unknown, at: string): string[] {
  if (typeof real !== "object" || real === null) return [`${at}: the document has an object`];
  const described = new Map(Object.entries(example));
  const isOpen = described.delete(MORE);
  const found = Object.entries(real);
  const unknown = isOpen
    ? []
    : found.filter(([name]) => !described.has(name)).map(([name]) => `${at}.${name} is not in the document`);
  return [
    ...unknown,
    ...[...described].flatMap(([name, value]) =>
      name in real
        ? differences(value, Reflect.get(real, name), `${at}.${name}`)
        : [`${at}.${name} is in the document only`],
    ),
  ];
}
