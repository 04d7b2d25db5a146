import type { Topology } from "./topology.ts";

/**
 * Throws when the consumer is not in the topology, or asks for other types than the topology gives it: its queue
 * would fill with events that it does not know.
 */
export function assertWholeSubscription(
  topology: Topology,
  { consumer, types }: { consumer: string; types: readonly string[] },
): void {
  const wanted = topology[consumer];
  if (wanted === undefined) throw new Error(`the consumer ${consumer} is not in the topology of the bus`);
  const given = [...types].sort().join(", ");
  const expected = [...wanted].sort().join(", ");
  if (given !== expected)
    throw new Error(`the consumer ${consumer} handles ${given}, but the topology gives it ${expected}`);
}
