import { type Command, InvalidArgumentError } from 'commander';
import { type ApiError, type Client, createClient } from '@posthorn/client';
import { version } from '../version.ts';
import { CommandError } from './output.ts';

export interface RemoteOptions {
  readonly url?: string;
  readonly apiKey?: string;
  /** Seconds. */
  readonly timeout?: number;
}

/** `fetch` itself waits at most this long for the start of an answer. */
const maxTimeoutS = 300;

/** Returns a parser of numbers in this range. */
export const numberBetween = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max))
    throw new InvalidArgumentError(`takes a number from ${min} to ${max.toLocaleString('en-US')}`);
  return value;
};

/** Returns a parser of whole numbers in this range. */
export const integerBetween = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new InvalidArgumentError(`takes a whole number from ${min} to ${max.toLocaleString('en-US')}`);
  return value;
};

const usualTimeoutS = 30;

/** Adds the options of every command that talks to a running server. */
export function remoteOptions(command: Command, timeoutS = usualTimeoutS): Command {
  return command
    .option('--url <url>', 'URL of the server (POSTHORN_URL, default http://127.0.0.1:8400)')
    .option('--api-key <key>', 'API key (POSTHORN_API_KEY)')
    .option(
      '--timeout <seconds>',
      'timeout of each request in seconds, including the answer',
      numberBetween(0.1, maxTimeoutS),
      timeoutS,
    )
    .option('--json', 'print JSON');
}

/** The value of a variable; an empty one counts as unset. */
const variable = (name: string): string | undefined =>
  process.env[name] === '' ? undefined : process.env[name];

/** Returns the client for these options; invalid options end with 2 before anything is sent. */
export function clientFrom({ url, apiKey, timeout }: RemoteOptions): Client {
  const key = apiKey ?? variable('POSTHORN_API_KEY');
  if (key === undefined) throw new CommandError('no key: set POSTHORN_API_KEY, or give --api-key', 2);
  try {
    return createClient(url ?? variable('POSTHORN_URL') ?? 'http://127.0.0.1:8400', key, {
      timeoutMs: (timeout ?? usualTimeoutS) * 1000,
      // On the command line, an operator wants to know at once that the server is away, and decides whether to retry.
      maxTries: 1,
      userAgent: `posthorn/${version}`,
    });
  } catch (error) {
    if (error instanceof TypeError) throw new CommandError(error.message, 2);
    throw error;
  }
}

/** The message of a failed call, with what to do on the command line. */
export function failureText({ message, code, status }: ApiError): string {
  if (code === 'timeout') return `${message} with --timeout`;
  return status === 401 ? `${message}; check POSTHORN_API_KEY, or give --api-key` : message;
}
