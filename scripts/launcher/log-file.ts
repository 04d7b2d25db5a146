// The log of one part: a file that does not grow without end.
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import path from "node:path";

export interface LogFile {
  write(text: string): void;
  close(): void;
}

const LARGEST_BYTES = 8 * 1024 * 1024;

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Appends to `file`; when it is large it becomes `file.1` (the one before that is deleted). */
export function openLogFile(file: string, onError: (error: Error) => void): LogFile {
  mkdirSync(path.dirname(file), { recursive: true });
  let bytes = sizeOf(file);
  const open = (): WriteStream => createWriteStream(file, { flags: "a", mode: 0o600 }).on("error", onError);
  const rotate = (): void => {
    renameSync(file, `${file}.1`);
    bytes = 0;
  };
  if (bytes > LARGEST_BYTES) rotate();
  let stream = open();
  return {
    write: (text) => {
      stream.write(text);
      bytes += text.length;
      // A stream that has not opened its file yet has nothing to rename.
      if (bytes <= LARGEST_BYTES || stream.pending) return;
      stream.end();
      rotate();
      stream = open();
    },
    close: () => stream.end(),
  };
}
