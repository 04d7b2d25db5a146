// Where the time went: functions of the services, from their CPU profiles, and statements of the database.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { BenchDatabase } from "./ground.ts";
import type { Bench } from "./scenario.ts";

const SHOWN = 15;

/** The parts of V8's .cpuprofile that are read here. */
const cpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

function place(url: string, line: number): string {
  const file = url.replace(/^file:\/\//, "").replace(/^.*\/node_modules\//, "");
  return url === "" ? "" : `${path.relative(process.cwd(), file).replace(/^(\.\.\/)+/, "")}:${line + 1}`;
}

/** The functions of one profile that took the most time themselves, in percent of the time that was not idle. */
function topFunctions(file: string): string[] {
  const { nodes, samples, timeDeltas } = cpuProfile.parse(JSON.parse(readFileSync(file, "utf8")));
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || "(anonymous)"} ${place(url, lineNumber)}`.trim(),
    ]),
  );
  const micros = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "?";
    micros.set(name, (micros.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  micros.delete("(idle)");
  const busy = [...micros.values()].reduce((sum, each) => sum + each, 0);
  return [...micros]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, each]) => `${((each / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
}

function listProfiles(folder: string): string[] {
  return readdirSync(folder).filter((file) => file.endsWith(".cpuprofile"));
}

async function describeStatements({ owner }: BenchDatabase): Promise<string> {
  const { rows } = await owner.query<{ calls: number; ms: number; rows: number; wal: number; query: string }>(
    `select calls::int, total_exec_time as ms, rows::int, wal_bytes::float8 as wal,
       regexp_replace(query, '\\s+', ' ', 'g') as query
     from public.pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
     order by total_exec_time desc limit ${SHOWN}`,
  );
  const lines = rows.map(
    ({ calls, ms, rows: affected, wal, query }) =>
      `${ms.toFixed(0).padStart(8)} ms  ${String(calls).padStart(7)} calls  ${(ms / calls).toFixed(2).padStart(7)} ms each` +
      `  ${String(affected).padStart(8)} rows  ${(wal / 1e6).toFixed(0).padStart(5)} MB WAL  ${query.slice(0, 90)}`,
  );
  return lines.join("\n");
}

export interface Profiling {
  /** Prints the statements of the database since the start. */
  endStatements(): Promise<void>;
  /** Prints the busiest functions of the services that have stopped since the start. */
  endProfiles(): void;
}

/** Does nothing unless the command line asks for profiles. */
export async function startProfiling(
  { report, arguments: { profileDir } }: Pick<Bench, "report" | "arguments">,
  database: BenchDatabase,
): Promise<Profiling> {
  if (profileDir === undefined) return { endStatements: async () => undefined, endProfiles: () => undefined };
  mkdirSync(profileDir, { recursive: true });
  const old = new Set(listProfiles(profileDir));
  await database.owner.query("select public.pg_stat_statements_reset()");
  return {
    endStatements: async () => report.note(await describeStatements(database)),
    endProfiles() {
      const fresh = listProfiles(profileDir).filter((file) => !old.has(file));
      for (const file of fresh)
        report.note(`${file}\n${topFunctions(path.join(profileDir, file)).join("\n")}`);
    },
  };
}
