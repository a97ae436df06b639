import type { AttemptResult } from './transport.ts';

/** A longer one fits no header that servers accept. */
const maxTokenLength = 8192;
/** An answer that does not say how long its token lasts (RFC 6749 recommends it): a 401 ends it earlier. */
const unsaidLifetimeS = 600;
const maxLifetimeS = 86_400;
const visible = /^[\x21-\x7e]+$/;
/** RFC 6749, 5.2: the codes are such words. Anything else that a server says may be a secret that it repeats. */
const errorCode = /^[a-z_]{1,40}$/;

export interface Token {
  readonly text: string;
  readonly lifetimeMs: number;
}

/** What a token server answered (RFC 6749, 5.1): its token, or why there is none. The reason never has what was sent. */
export function tokenFrom(result: AttemptResult, maxAnswerBytes: number): Token | string {
  const { ok, statusCode, message, responseExcerpt } = result;
  const document = parsed(responseExcerpt);
  if (!ok) {
    const { error } = document ?? {};
    const said = typeof error === 'string' && errorCode.test(error) ? ` ${error}` : '';
    if (statusCode === null) return message ?? 'it cannot be reached';
    if (statusCode >= 300 && statusCode < 400)
      return `it redirects (HTTP ${statusCode}), which is not followed`;
    return `HTTP ${statusCode}${said}`;
  }
  if (document === null)
    return Buffer.byteLength(responseExcerpt ?? '') >= maxAnswerBytes
      ? `its answer is longer than ${maxAnswerBytes / 1024} KiB`
      : 'its answer is not JSON, or did not end in time';
  const { access_token: text, token_type: type = 'bearer', expires_in: said = unsaidLifetimeS } = document;
  if (typeof text !== 'string' || text === '') return 'its answer does not contain access_token';
  if (text.length > maxTokenLength) return `its token is longer than ${maxTokenLength / 1024} KiB`;
  if (!visible.test(text)) return 'its token has characters that no header may have';
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return 'its token is not a bearer token';
  const seconds = typeof said === 'string' ? Number(said || Number.NaN) : said;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return 'its expires_in is not a number';
  if (seconds <= 0) return 'its token has expired already';
  return { text, lifetimeMs: Math.min(seconds, maxLifetimeS) * 1000 };
}

function parsed(text: string | null): Record<string, unknown> | null {
  try {
    const document: unknown = JSON.parse(text ?? '');
    return typeof document === 'object' && document !== null && !Array.isArray(document)
      ? (document as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
