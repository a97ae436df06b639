import type { ErrorClass } from '../domain/attempt.ts';

const byCode: Readonly<Record<string, ErrorClass>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  POSTHORN_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  POSTHORN_BLOCKED_ADDRESS: 'blocked_address',
};
const tlsCodes = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO_|EPROTO|HOSTNAME_MISMATCH)/;

/** The class of a failed connection or exchange, by Node's and undici's error codes. */
export function classifyError(error: unknown): { errorClass: ErrorClass; code: string } {
  const { code: own, cause, name } = error as { code?: string; cause?: { code?: string }; name?: string };
  const code = own ?? cause?.code ?? 'unknown';
  const known = byCode[code];
  if (known !== undefined) return { errorClass: known, code };
  if (tlsCodes.test(code)) return { errorClass: 'tls', code };
  // The parser's errors do not all have a code.
  if (code.startsWith('HPE_') || name === 'HTTPParserError') return { errorClass: 'protocol', code };
  return { errorClass: 'internal', code };
}

/** The class of a complete answer; null means delivered. */
export function classifyStatus(status: number): ErrorClass | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return 'redirect';
  if (status === 410) return 'gone';
  if (status === 429) return 'rate_limited';
  if (status >= 400 && status < 500) return 'http_4xx';
  return status >= 500 ? 'http_5xx' : 'protocol';
}
