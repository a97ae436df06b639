import { printableLines } from '../report/printable.ts';
import { createLineWriter } from '../runtime/line-writer.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';

/** What a server says: its log and notes on standard error, its start-up facts on standard output. */
export interface ServeLog {
  readonly logger: Logger;
  note(line: string): void;
  print(line: string): void;
  /** Lines that could not be written, on both. */
  dropped(): number;
}

/** Neither a full disk, a pipe that nobody reads nor a closed terminal stops a server or slows it. */
export function createServeLog(level: Parameters<typeof createLogger>[0]): ServeLog {
  const [out, err] = [createLineWriter(1), createLineWriter(2)];
  return {
    logger: createLogger(level, err),
    note: (line) => err.write(`${printableLines(line)}\n`),
    print: (line) => out.write(`${line}\n`),
    dropped: () => out.dropped + err.dropped,
  };
}
