import { createPrompt } from "../admin/prompt.ts";

/** Asks the person at the terminal; undefined where there is none. */
export type Ask = ((question: string) => Promise<boolean>) | undefined;

/** `yes`: nobody is asked. @throws Error when the answer is no, or nobody can be asked. */
export async function confirm(question: string, yes: boolean, ask: Ask): Promise<void> {
  if (yes) return;
  if (ask === undefined) throw new Error(`${question} There is no terminal to ask at: say --yes.`);
  if (!(await ask(`${question} Type yes to go on: `))) throw new Error("Nothing was done.");
}

/** Nobody is asked by a pipe: what it holds was not written as an answer. */
export function askAtTerminal(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Ask {
  if (!input.isTTY) return undefined;
  return async (question) => {
    const prompt = createPrompt(input, output);
    try {
      return (await prompt.ask(question)).trim().toLowerCase() === "yes";
    } finally {
      prompt.close();
    }
  };
}
