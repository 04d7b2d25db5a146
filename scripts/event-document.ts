// npm run docs:events: makes docs/asyncapi.json from the schemas of the events.
import { writeFileSync } from "node:fs";
import { eventDocument } from "@sotto/contracts/event-document";

writeFileSync(
  new URL("../docs/asyncapi.json", import.meta.url),
  `${JSON.stringify(eventDocument(), undefined, 2)}\n`,
);
