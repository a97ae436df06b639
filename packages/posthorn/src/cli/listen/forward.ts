import type { DeliveryRequest } from '@posthorn/client';
import { sign } from '../../signing/standard-webhooks.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Set again for the copy, or by the connection. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'host',
  'traceparent',
  'tracestate',
  'transfer-encoding',
  'webhook-signature',
  'webhook-timestamp',
]);
const maxExcerpt = 400;

/** What the local receiver did with a copy. */
export interface Forwarded {
  /** Null: without a response. */
  readonly status: number | null;
  readonly ms: number;
  /** Why there was none, or the beginning of a response that is not 2xx. */
  readonly message: string | null;
}

export interface Forwarding {
  /** The local receiver. */
  readonly url: string;
  /** Secret of the endpoint; null: copies are not signed. */
  readonly secret: Uint8Array | null;
  readonly timeoutMs: number;
  readonly fetch: typeof fetch;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

/**
 * Sends a copy of a delivery's request, signed as Posthorn signs it: the same id and bytes, the current time. Never
 * throws because of the receiver.
 */
export async function forward(request: DeliveryRequest, to: Forwarding): Promise<Forwarded> {
  const body = Buffer.from(request.body ?? '');
  const headers = copiedHeaders(request, body, to);
  const began = to.clock.monotonic();
  const ms = (): number => Math.round(to.clock.monotonic() - began);
  try {
    const response = await to.fetch(to.url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(to.timeoutMs),
    });
    if (response.ok) {
      await response.body?.cancel();
      return { status: response.status, ms: ms(), message: null };
    }
    return { status: response.status, ms: ms(), message: await beginning(response) };
  } catch (error) {
    return { status: null, ms: ms(), message: failureReason(error, to.timeoutMs) };
  }
}

function copiedHeaders(request: DeliveryRequest, body: Uint8Array, to: Forwarding): Headers {
  const headers = new Headers();
  for (const { name, value } of request.headers)
    if (!ownHeaders.has(name.toLowerCase())) headers.append(name, value);
  const id = headers.get('webhook-id');
  const timestampS = Math.floor(to.clock.now() / 1000);
  headers.set('webhook-timestamp', String(timestampS));
  if (to.secret !== null && id !== null)
    headers.set('webhook-signature', sign([to.secret], id, timestampS, body));
  return headers;
}

/** Limit of a response that may have no end. */
async function beginning(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length >= maxExcerpt) break;
    }
  } catch {
    // What arrived before it broke off is enough.
  }
  return text.slice(0, maxExcerpt).trim();
}

function failureReason(error: unknown, timeoutMs: number): string {
  const { name, cause, message } = error as Error & { readonly cause?: Error & { readonly code?: string } };
  if (name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  return cause?.code ?? cause?.message ?? message;
}
