import { printableLines } from '../domain/printable.ts';
import { createLineWriter } from '../runtime/line-writer.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';

/** Output of a server: its log and notes on standard error, its startup facts on standard output. */
export interface ServeLog {
  readonly logger: Logger;
  note(line: string): void;
  print(line: string): void;
  /** Lines that could not be written, on both. */
  dropped(): number;
}

/** A full disk, a pipe without a reader or a closed terminal neither stops nor slows a server. */
export function createServeLog(level: Parameters<typeof createLogger>[0]): ServeLog {
  const [out, err] = [createLineWriter(1), createLineWriter(2)];
  return {
    logger: createLogger(level, err),
    note: (line) => err.write(`${printableLines(line)}\n`),
    print: (line) => out.write(`${line}\n`),
    dropped: () => out.dropped + err.dropped,
  };
}
