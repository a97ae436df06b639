import type { ErrorClass } from '../domain/attempt.ts';

const byCode: Readonly<Record<string, ErrorClass>> = {
  POSTHORN_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  POSTHORN_DNS: 'dns',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  ECONNREFUSED: 'connect',
  EHOSTDOWN: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  POSTHORN_PROTOCOL: 'protocol',
  POSTHORN_BLOCKED_ADDRESS: 'blocked_address',
  POSTHORN_UNREACHABLE: 'connect',
  POSTHORN_PROXY: 'internal',
  POSTHORN_OWN_PROXY: 'proxy',
  POSTHORN_REFUSED_CLIENT: 'tls',
};
const tlsCodes = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO_|EPROTO|HOSTNAME_MISMATCH)/;
/** What this machine lacks or forbids, and what Posthorn itself did. */
const oursCodes = /^(EMFILE|ENFILE|ENOMEM|ENOBUFS|EACCES|EPERM|POSTHORN_STOPPED)$/;

/**
 * The class of a failed connection or exchange, by the error's code: Node's, OpenSSL's or ours. A code that is not known
 * belongs to the step that failed, `otherwise`: what comes from a receiver must not count as ours.
 */
export function classifyError(
  error: Error | { readonly code?: string },
  otherwise: ErrorClass = 'internal',
): { errorClass: ErrorClass; code: string } {
  const code = (error as { readonly code?: string }).code ?? 'unknown';
  const known = byCode[code];
  if (known !== undefined) return { errorClass: known, code };
  if (tlsCodes.test(code)) return { errorClass: 'tls', code };
  return { errorClass: oursCodes.test(code) ? 'internal' : otherwise, code };
}

/** The class of a final status; null means delivered. */
export function classifyStatus(status: number): ErrorClass | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return 'redirect';
  if (status === 410) return 'gone';
  if (status === 429) return 'rate_limited';
  if (status >= 400 && status < 500) return 'http_4xx';
  return status >= 500 ? 'http_5xx' : 'protocol';
}
