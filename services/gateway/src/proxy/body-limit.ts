import { Transform } from "node:stream";

/** Lets `maxBytes` pass and calls `onExceeded` once, instead of passing on, when there is more. Buffers nothing. */
export function limitBytes(maxBytes: number, onExceeded: () => void): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const wasWithin = bytes <= maxBytes;
      bytes += chunk.length;
      if (bytes <= maxBytes) return done(undefined, chunk);
      if (wasWithin) onExceeded();
      // Swallowed, so that the caller can finish sending and read the answer.
      done();
    },
  });
}
