// What a scenario prints: a table for people and JSON lines for programs.

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** Thrown instead of figures when a message was lost, doubled or refused: such figures would mean nothing. */
export class RefusedFigures extends Error {
  constructor(scenario: string, reasons: readonly string[]) {
    super(`${scenario}: no figures, because ${reasons.join("; ")}`);
    this.name = "RefusedFigures";
  }
}

export interface Report {
  /** What is being done now. */
  note(text: string): void;
  /** One JSON line, and a column of the table. */
  row(row: Row): void;
  /** Prints the table of the rows since the last one. */
  table(title: string): void;
}

export function round(value: number, digits = 0): number | null {
  if (!Number.isFinite(value)) return null;
  return Number(value.toFixed(digits));
}

/** A line for each field, a column for each row. */
export function formatTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = names.map((name) => [name, ...rows.map((row) => String(row[name] ?? ""))]);
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

export function createReport(jsonOnly: boolean, print: (line: string) => void): Report {
  let rows: Row[] = [];
  const say = (text: string): void => {
    if (!jsonOnly) print(text);
  };
  return {
    note: say,
    row(row) {
      rows.push(row);
      print(JSON.stringify(row));
    },
    table(title) {
      if (rows.length > 0) say(`\n${title}\n${formatTable(rows)}\n`);
      rows = [];
    },
  };
}
