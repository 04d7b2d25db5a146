import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { createBusMetrics } from "@sotto/platform/bus/bus-metrics";
import { createMetrics } from "@sotto/platform/metrics";
import { addOutboxGauges } from "@sotto/relay-service/publishing/outbox-gauges";
import { createRelayMetrics } from "@sotto/relay-service/publishing/relay-metrics";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const ROOT = path.resolve(import.meta.dirname, "..");
const FOLDER = path.join(ROOT, "observability/alerts");

const rule = z.strictObject({
  alert: z.string().regex(/^Sotto[A-Za-z]+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+[smh]$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
  annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
});
const ruleFile = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule).min(1) })).min(1),
});

const rules = readdirSync(FOLDER)
  .flatMap((file) => ruleFile.parse(parse(readFileSync(path.join(FOLDER, file), "utf8"))).groups)
  .flatMap((group) => group.rules);

/** Metrics of a PromQL expression, and where it is none. */
function readExpression(expression: string): { metrics: string[]; errors: number } {
  const metrics: string[] = [];
  let errors = 0;
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) errors++;
      if (node.name === "VectorSelector") {
        const name = node.node.getChild("Identifier");
        metrics.push(name === null ? "" : expression.slice(name.from, name.to));
      }
    },
  });
  return { metrics, errors };
}

function registeredNames(): Set<string> {
  const registry = createMetrics();
  // Nothing is asked of it before the metrics are read.
  addOutboxGauges(registry, new Pool(), () => 0n);
  createRelayMetrics(registry);
  createBusMetrics(registry, new Map(), async () => 0);
  return new Set(registry.getMetricsAsArray().map(({ name }) => name));
}

/** As a page of headings links to them. */
const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(" ", "-");

test.each(rules)("$alert asks for metrics that the code has", ({ expr }) => {
  const { metrics, errors } = readExpression(expr);
  expect(errors).toBe(0);
  expect(metrics).not.toEqual([]);
  const known = registeredNames();
  expect(metrics.filter((name) => !known.has(name))).toEqual([]);
});

test.each(rules)("the runbook says what to do about $alert", ({ alert, annotations }) => {
  const [file, anchor] = annotations.runbook.split("#");
  const text = readFileSync(path.join(ROOT, file ?? ""), "utf8");
  const headings = [...text.matchAll(/^## (.+)$/gm)].map((match) => anchorOf(match[1] ?? ""));
  expect(headings).toContain(anchor);
  expect(text).toContain(`\`${alert}\``);
});

test("an alert's name is used once, and what is no expression is noticed", () => {
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
  expect(readExpression("sum(sotto_relay_active < 1").errors).toBeGreaterThan(0);
  expect(readExpression("max(sotto_outbox_rows) > 1 and absent(up)").metrics).toEqual([
    "sotto_outbox_rows",
    "up",
  ]);
});
