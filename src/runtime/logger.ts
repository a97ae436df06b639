import pino from 'pino';

type Write = (fields: Record<string, unknown>, message: string) => void;

/** Structured log; nobody passes it a secret or a payload. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** JSON lines on standard error, which leaves standard output to a command's answer. */
export function createLogger(level: (typeof logLevels)[number]): Logger {
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
