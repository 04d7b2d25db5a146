// npm run demo: two people chat over the running installation, while parts of it die.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findInstallation } from "./demo/installation.ts";
import { runDemo } from "./demo/run-demo.ts";

const { values } = parseArgs({ options: { url: { type: "string" } } });
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dataDir = path.resolve(process.env.SOTTO_DATA_DIR || path.join(root, ".data"));

try {
  const complete = await runDemo(await findInstallation({ url: values.url, dataDir }), (line) =>
    console.log(line),
  );
  process.exit(complete ? 0 : 1);
} catch (error) {
  console.error(`\nThe demo did not work: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
