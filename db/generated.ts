// The files that are made from the migrations: db/schema.sql and the types of the tables.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { readSchemaText } from "./schema-text.ts";
import { generateTypes } from "./types.ts";

export const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));
const TYPES_FOLDER = "packages/platform/src/db-types";

/** Path in the repository to content. `databaseUrl`: of a freshly migrated database. */
export async function generateFiles(databaseUrl: string): Promise<Map<string, string>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const files = new Map([["db/schema.sql", await readSchemaText(client)]]);
    for (const [name, text] of await generateTypes(databaseUrl)) files.set(`${TYPES_FOLDER}/${name}`, text);
    return files;
  } finally {
    await client.end();
  }
}

/** The content of a file in the repository, or an empty text when there is none. */
export function readCommitted(file: string): string {
  try {
    return readFileSync(path.join(REPOSITORY, file), "utf8").replaceAll("\r\n", "\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
