import pino from 'pino';
import { printableJson } from '../domain/printable.ts';
import { createLineWriter, type LineWriter } from './line-writer.ts';

/** `code` says what happened, and never changes; programs go by it, not by the message. */
export interface LogFields {
  readonly code: string;
  readonly [field: string]: unknown;
}

export type LogWrite = (fields: LogFields, message: string) => void;

/** Structured log. Never pass it a secret or a payload. */
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
  // A line may hold text of receivers and callers: on a terminal it must move nothing and hide nothing.
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
