// The public catalogue of events: the document that tools read, and the page that people read.
import { readFileSync } from "node:fs";
import schema from "@asyncapi/specs/schemas/3.0.0-without-$id.json" with { type: "json" };
import { eventDocument } from "@sotto/contracts/event-document";
import { EVENT_EXCHANGE, eventSchema, eventTypes } from "@sotto/contracts/events";
import { topology } from "@sotto/platform/bus/topology";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";

const read = (file: string) => readFileSync(new URL(`../docs/${file}`, import.meta.url), "utf8");
const page = read("events.md");

test("the published document is that of the schemas (npm run docs:events renews it)", () => {
  expect(JSON.parse(read("asyncapi.json"))).toEqual(eventDocument());
});

test("the document is valid AsyncAPI 3.0", () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  const isValid = ajv.compile(schema);
  expect(isValid(JSON.parse(read("asyncapi.json"))), JSON.stringify(isValid.errors?.slice(0, 5))).toBe(true);
  expect(isValid({ ...eventDocument(), channels: { one: { address: 1 } } })).toBe(false);
});

test("the page names the exchange that events are published to, which integrators have bound queues to", () => {
  expect(EVENT_EXCHANGE).toBe("sotto.events");
  expect(page).toContain(`\`${EVENT_EXCHANGE}\``);
});

describe.each(eventTypes)("%s", (type) => {
  const data = eventSchema(type).shape.data;
  const row = page.split("\n").find((line) => line.startsWith(`| \`${type}\` |`)) ?? "";

  test("the page says what it means and names every field, and no others", () => {
    expect(data.description).toBeTruthy();
    const [, , fields = "", meaning = ""] = row.split("|");
    expect([...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(Object.keys(data.shape));
    expect(meaning.trim()).not.toBe("");
  });

  test("the page says which services of the installation consume it", () => {
    const consumers = Object.entries(topology).flatMap(([consumer, types]) =>
      (types as readonly string[]).includes(type) ? [consumer] : [],
    );
    expect(row.split("|")[4]?.trim()).toBe(consumers.join(", ") || "—");
  });
});
