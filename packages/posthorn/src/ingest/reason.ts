import { readableReason, type TlsPeer } from '../runtime/tls-reasons.ts';
import type { Tls } from './source.ts';

interface LibraryError extends Error {
  readonly code?: string;
  readonly errors?: readonly unknown[];
}

/** An error and all behind it: what caused it, and those of the tries or addresses that it sums up. */
export function* errorsBehind(error: unknown): Generator<LibraryError> {
  if (!(error instanceof Error)) return;
  yield error;
  yield* errorsBehind(error.cause);
  for (const one of (error as LibraryError).errors ?? []) yield* errorsBehind(one);
}

/** Why a call of a library failed: after several tries or addresses, why the last of them did. */
export function reasonFrom(error: unknown, peer: TlsPeer): string {
  if (!(error instanceof Error)) return String(error);
  const { code, name, errors, cause } = error as LibraryError;
  const last = errors?.at(-1);
  if (last !== undefined) return reasonFrom(last, peer);
  const own = readableReason(error, peer).trim().replace(/\.$/, '') || code || name;
  const why = cause === undefined ? '' : reasonFrom(cause, peer);
  return why === '' || own.includes(why) ? own : `${own}: ${why}`;
}

export const noTls =
  'the broker does not speak TLS on this port: give its port for TLS, or leave out --tls, --ca and --cert';

/**
 * What a broker may have wanted that closed the connection before it answered: few say it. `other` is what it may require
 * besides, with its option; null: nothing.
 */
export function closedError(cause: unknown, tls: Tls | null, other: string | null): Error {
  // An alert says it, but a client certificate that was not given is refused by some as a bad one.
  const alert = /^ERR_SSL_/.exec((cause as LibraryError | undefined)?.code ?? '');
  if (alert !== null && tls?.cert !== undefined) return cause as Error;
  const wanted =
    tls === null
      ? 'require TLS (--tls, --ca)'
      : tls.cert === undefined
        ? 'require a client certificate (--cert, --cert-key)'
        : 'refuse the client certificate';
  return new Error(
    `the broker closed the connection: it may ${wanted}${other === null ? '' : ` or ${other}`}`,
  );
}
