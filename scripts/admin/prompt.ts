import { createInterface } from "node:readline";
import { Writable } from "node:stream";

export type Prompt = {
  /** Asks on the standard error, and reads a line of the standard input; `hidden`: nothing is shown of it. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  close(): void;
};

/** Asks a person, or reads the lines that a script has put into the standard input. */
export function createPrompt(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Prompt {
  let isHidden = false;
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (!isHidden) output.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input, output: echo, terminal: input.isTTY === true });
  const iterator = lines[Symbol.asyncIterator]();
  return {
    async ask(question, { hidden = false } = {}) {
      output.write(question);
      isHidden = hidden;
      const { value, done } = await iterator.next();
      isHidden = false;
      if (hidden || !input.isTTY) output.write("\n");
      if (done) throw new Error("There is no answer: the input has ended.");
      return value;
    },
    close: () => lines.close(),
  };
}
