// npm run db:dump: makes db/schema.sql and the table types from the migrations. Without --write it only says
// which of them are out of date, and ends with 1 when there are any.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startTestPostgres } from "@sotto/testkit/postgres";
import { generateFiles, REPOSITORY, readCommitted } from "./generated.ts";

const server = await startTestPostgres();
try {
  const files = await generateFiles(server.address.templateUrl);
  const changed = [...files].filter(([file, text]) => readCommitted(file) !== text);
  const isWriting = process.argv.includes("--write");
  for (const [file, text] of changed) {
    console.log(`${file} ${isWriting ? "is written" : "is out of date"}`);
    if (!isWriting) continue;
    mkdirSync(path.dirname(path.join(REPOSITORY, file)), { recursive: true });
    writeFileSync(path.join(REPOSITORY, file), text);
  }
  if (changed.length === 0) console.log("The schema dump and the types are up to date.");
  else if (!isWriting) process.exitCode = 1;
} finally {
  await server.stop();
}
