// Values that fit a schema, and for each of its fields values that do not.
import fc from "fast-check";
import { alternatives, type Operation, type Schema } from "./contract-document.ts";

const UUID_V7 = fc.uuid({ version: 7 });
const SMALL = 40;

/** Values that fit `schema`. Texts and lists stay small but where the schema wants them long. */
export function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const choices = alternatives(schema);
  if (choices.length > 1) return fc.oneof(...choices.map(fitting));
  const [only = {}] = choices;
  if (only.const !== undefined) return fc.constant(only.const);
  if (only.enum) return fc.constantFrom(...only.enum);
  if (only.allOf) return fitting(Object.assign({}, ...only.allOf) as Schema);
  switch (only.type) {
    case "object":
      return fittingObject(only);
    case "array":
      return fc.array(fitting(only.items ?? {}), {
        minLength: only.minItems ?? 0,
        maxLength: Math.max(only.minItems ?? 0, Math.min(only.maxItems ?? 3, 3)),
      });
    case "string":
      return fittingText(only);
    case "integer":
      return fc.integer({ min: only.minimum ?? 0, max: Math.min(only.maximum ?? 1000, 2 ** 31 - 1) });
    case "number":
      return fc.double({ min: only.minimum ?? 0, max: only.maximum ?? 1000, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function fittingObject({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, fitting(part)]));
  return fc.record(fields, {
    requiredKeys: required.filter((name) => name in fields),
    noNullPrototype: true,
  });
}

function fittingText(schema: Schema): fc.Arbitrary<string> {
  const { pattern, format, minLength = 0, maxLength = 200 } = schema;
  const bounds = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, minLength + SMALL)) };
  if (format === "email") return fc.stringMatching(/^[a-z]{1,10}@[a-z]{1,10}\.example$/);
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (!pattern) return fc.string({ ...bounds, unit: "grapheme-ascii" });
  if (pattern.includes("-7[0-9a-f]{3}") || pattern.includes("-[1-8][0-9a-f]{3}")) return UUID_V7;
  if (pattern.includes("A-Za-z0-9+/")) return fittingBase64(minLength, maxLength);
  // Everything that is printable on one line.
  if (pattern.includes("\\p{Cc}"))
    return fc.stringMatching(/^[a-zA-Z]+$/, { size: "small" }).map(cutTo(bounds));
  // The pattern alone may say how long it is.
  const isBounded = schema.minLength !== undefined || schema.maxLength !== undefined;
  const matching = fc.stringMatching(new RegExp(pattern));
  return isBounded ? matching.map(cutTo(bounds)) : matching;
}

const cutTo =
  ({ minLength, maxLength }: { minLength: number; maxLength: number }) =>
  (text: string): string =>
    text.padEnd(minLength, "a").slice(0, maxLength);

function fittingBase64(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const least = Math.ceil(minLength / 4) * 3;
  const bytes = Math.min(Math.max(least, 3), Math.floor(maxLength / 4) * 3);
  // 33 bytes are 44 characters with one sign of padding: a fixed length in characters leaves three lengths in bytes.
  const lengths = minLength === maxLength ? [bytes, bytes - 1, bytes - 2] : [bytes];
  return fc
    .constantFrom(...lengths.filter((length) => length > 0))
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    .map((array) => Buffer.from(array).toString("base64"));
}

/** One value that fits, the same for the same schema. */
export function sampleOf(schema: Schema, seed = 1): unknown {
  return fc.sample(fitting(schema), { seed, numRuns: 1 })[0];
}

/** A value with one thing wrong with it, and where. */
export type Broken = { readonly what: string; readonly value: unknown };

/** Texts that a database, a log or a file name would stumble over, though a schema may let them pass. */
const ODD_TEXTS = [
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udfff\ud800",
  "\u202e",
  "\u0130",
  "%",
  "' or 1=1 --",
  "../..",
  "\r\n",
];

/** `base` with each of its texts, wherever they are, replaced by an odd one. */
export function oddBodies(base: unknown): Broken[] {
  if (typeof base === "string") return ODD_TEXTS.map((value) => ({ what: brief(value), value }));
  if (Array.isArray(base)) {
    return base.flatMap((item, index) =>
      oddBodies(item).map(({ what, value }) => ({
        what: `${index}: ${what}`,
        value: base.with(index, value),
      })),
    );
  }
  if (typeof base !== "object" || base === null) return [];
  return Object.entries(base).flatMap(([name, part]) =>
    oddBodies(part).map(({ what, value }) => ({
      what: `${name}: ${what}`,
      value: { ...base, [name]: value },
    })),
  );
}

/** For each field of `schema`, what it must not be; each case is `base` but for that field. */
export function brokenBodies(schema: Schema, base: unknown): Broken[] {
  return [
    ...["text", 1, null, [], true].map((value) => ({ what: `the body is ${JSON.stringify(value)}`, value })),
    ...brokenFields(schema, base, []),
  ];
}

function brokenFields(schema: Schema, base: unknown, path: readonly (string | number)[]): Broken[] {
  const choices = alternatives(schema).filter((choice) => fits(choice, base));
  const [chosen] = choices;
  // Where several alternatives fit, what breaks one may fit another.
  if (!chosen || choices.length > 1) return [];
  if (chosen.type === "object" && typeof base === "object" && base !== null) {
    return brokenObject(chosen, base as Record<string, unknown>, path);
  }
  if (chosen.type === "array" && Array.isArray(base)) {
    return base.length > 0 && chosen.items ? brokenFields(chosen.items, base[0], [...path, 0]) : [];
  }
  return [];
}

function brokenObject(
  schema: Schema,
  base: Record<string, unknown>,
  path: readonly (string | number)[],
): Broken[] {
  const broken: Broken[] = [];
  const at = (name: string) => [...path, name].join(".");
  if (schema.additionalProperties === false) {
    broken.push({ what: `${at("surplus")} is there`, value: { ...base, surplus: 1 } });
  }
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name)) {
      const { [name]: _left, ...value } = base;
      broken.push({ what: `${at(name)} is missing`, value });
    }
    for (const value of misfits(part)) {
      broken.push({ what: `${at(name)} is ${brief(value)}`, value: { ...base, [name]: value } });
    }
    if (base[name] === undefined) continue;
    for (const { what, value } of brokenFields(part, base[name], [...path, name])) {
      broken.push({ what, value: { ...base, [name]: value } });
    }
  }
  return broken;
}

/** Values of every kind that do not fit. */
export function misfits(schema: Schema): unknown[] {
  const { maxLength, minLength = 0, minimum, maximum, maxItems, minItems } = alternatives(schema)[0] ?? {};
  const candidates: unknown[] = [
    null,
    true,
    0,
    -1,
    0.5,
    2 ** 53,
    "",
    "text",
    "\u0000",
    "a\u0000b",
    "\ud800",
    [],
    [null],
    {},
    { toString: 1 },
  ];
  if (minLength > 1) candidates.push("a".repeat(minLength - 1));
  if (maxLength !== undefined && maxLength < 20_000) candidates.push("a".repeat(maxLength + 1));
  if (minimum !== undefined) candidates.push(minimum - 1);
  if (maximum !== undefined) candidates.push(maximum + 1);
  if (minItems) candidates.push(Array.from({ length: minItems - 1 }, () => sampleOf(schema.items ?? {})));
  if (maxItems !== undefined && maxItems < 300) {
    candidates.push(Array.from({ length: maxItems + 1 }, () => sampleOf(schema.items ?? {})));
  }
  return candidates.filter((value) => !alternatives(schema).some((choice) => fits(choice, value)));
}

/**
 * Whether `value` fits, on the generous side: only what no reading of the schema allows counts as broken. Texts that
 * hold control characters or half characters are left to the fuzzing, where the schema does not speak of them.
 */
function fits(schema: Schema, value: unknown): boolean {
  if (schema.enum) return schema.enum.includes(value);
  if (schema.const !== undefined) return schema.const === value;
  switch (schema.type) {
    case "string":
      return typeof value === "string" && fitsText(schema, value);
    case "integer":
    case "number":
      return typeof value === "number" && fitsNumber(schema, value);
    case "boolean":
      return typeof value === "boolean";
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value) && fitsArray(schema, value);
    case "object":
      return (
        typeof value === "object" && value !== null && !Array.isArray(value) && fitsObject(schema, value)
      );
    default:
      return true;
  }
}

function fitsText(
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format }: Schema,
  value: string,
) {
  if (format === "email") return /^[a-z]+@[a-z.]+\.[a-z]+$/.test(value);
  if (format === "date-time") return !Number.isNaN(Date.parse(value));
  if (value.length < minLength || value.length > maxLength) return false;
  // Upper case and blanks at the ends are folded away before the pattern is looked at.
  return !pattern || new RegExp(pattern, "u").test(value.toLowerCase().trim() || value);
}

function fitsNumber({ type, minimum = -Infinity, maximum = Infinity }: Schema, value: number): boolean {
  return value >= minimum && value <= maximum && (type !== "integer" || Number.isSafeInteger(value));
}

function fitsArray({ items, minItems = 0, maxItems = Infinity }: Schema, value: unknown[]): boolean {
  if (value.length < minItems || value.length > maxItems) return false;
  return value.every((item) => alternatives(items ?? {}).some((choice) => fits(choice, item)));
}

function fitsObject(
  { properties = {}, required = [], additionalProperties }: Schema,
  value: object,
): boolean {
  if (!required.every((name) => Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, part]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!known) return additionalProperties !== false;
    return alternatives(known).some((choice) => fits(choice, part));
  });
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);

/** Texts of a parameter that it must not be. */
export function brokenTexts(schema: Schema): string[] {
  const candidates = [
    "",
    "x",
    "-1",
    "1e9",
    "0x10",
    "\u0000",
    "%",
    "\u{1f511}",
    "a".repeat(3000),
    "[]",
    "null",
  ];
  const asGiven = (text: string): unknown[] => [text, ...(text.trim() === "" ? [0] : [Number(text)])];
  return candidates.filter(
    (text) => !alternatives(schema).some((choice) => asGiven(text).some((value) => fits(choice, value))),
  );
}

export type Sample = {
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
};

/** A request that fits; `known` gives parameters and fields that must mean something, by name. */
export function sampleRequest(
  operation: Operation,
  known: Readonly<Record<string, string>>,
  seed = 1,
): Sample {
  const textFor = (name: string, schema: Schema): string => known[name] ?? String(sampleOf(schema, seed));
  const sample: Sample = { path: operation.path, query: {}, headers: {}, body: undefined };
  for (const { in: place, name, required, schema } of operation.parameters) {
    if (place === "path")
      sample.path = sample.path.replace(`{${name}}`, encodeURIComponent(textFor(name, schema)));
    if (place === "query" && required) sample.query[name] = textFor(name, schema);
    if (place === "header") sample.headers[name] = textFor(name, schema);
  }
  if (operation.body) sample.body = withKnown(sampleOf(operation.body, seed), known);
  return sample;
}

function withKnown(body: unknown, known: Readonly<Record<string, string>>): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const fields = Object.entries(body).map(([name, value]) => [name, known[name] ?? value]);
  return Object.fromEntries(fields);
}
