import pino from 'pino';
import { printableJson } from '../report/printable.ts';
import { createLineWriter, type LineWriter } from './line-writer.ts';

export type LogWrite = (fields: Record<string, unknown>, message: string) => void;

/** Structured log; nobody passes it a secret or a payload. */
export interface Logger {
  readonly debug: LogWrite;
  readonly info: LogWrite;
  readonly warn: LogWrite;
  readonly error: LogWrite;
}

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** JSON lines on standard error, which leaves standard output to a command's answer. */
export function createLogger(
  level: (typeof logLevels)[number],
  writer: LineWriter = createLineWriter(2),
): Logger {
  // What receivers and callers wrote may stand in a line: on a terminal it moves nothing and hides nothing.
  const log = pino(
    { level, base: null },
    { write: (line: string) => writer.write(`${printableJson(line.trimEnd())}\n`) },
  );
  writer.onRecovered = (dropped) =>
    log.warn(
      { code: 'log_lines_dropped', dropped },
      'log lines were dropped because they could not be written',
    );
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
