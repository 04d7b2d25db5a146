// Reads docs/rest.md: blocks of ```sh, each with what it prints in the ```text or ```json block behind it.

export type ShellExample = {
  /** Line of the document, for messages. */
  readonly line: number;
  readonly script: string;
  /** Undefined where the document does not say what is printed. */
  readonly printed: string | undefined;
};

export function readShellExamples(markdown: string): ShellExample[] {
  const blocks = markdown.matchAll(/^```sh\n([\s\S]*?)^```\n(?:```(?:text|json)\n([\s\S]*?)^```\n)?/gm);
  return [...blocks].map((match) => ({
    line: markdown.slice(0, match.index).split("\n").length,
    script: match[1] ?? "",
    printed: match[2],
  }));
}

/** The values that a text consists of: JSON values over any number of lines, and other lines as they are. */
export function readPrinted(text: string): unknown[] {
  const values: unknown[] = [];
  let pending = "";
  for (const line of text.split("\n")) {
    // A problem or an answer may end without a line end, right before what the next command prints.
    pending = pending === "" ? line : `${pending}\n${line}`;
    if (pending.trim() === "") pending = "";
    else if (!/^\s*[{[]/.test(pending)) {
      values.push(pending.trim());
      pending = "";
    } else if (isJson(pending)) {
      values.push(JSON.parse(pending));
      pending = "";
    }
  }
  if (pending !== "") throw new Error(`no end of JSON: ${pending}`);
  return values;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
