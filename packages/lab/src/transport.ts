import { type AttemptResult, classifyStatus, type OutboundRequest, type Transport } from 'posthorn/engine';
import type { History } from './history.ts';
import type { Exchange, Network } from './network.ts';
import type { LabNode } from './node.ts';
import { paymentFrom } from './plan.ts';
import type { VirtualTime } from 'posthorn/runtime';

const messages = {
  reset: 'ECONNRESET: socket hang up',
  connect: 'ECONNREFUSED: refused',
  dns: 'EAI_AGAIN: no answer',
};

export function endpointUrl(index: number): string {
  return `https://e${index}.lab.invalid/hook`;
}

function header(headers: readonly string[], name: string): string {
  return headers[headers.indexOf(name) + 1] ?? '';
}

/** What the sender makes of an exchange within its timeout. */
function toResult(exchange: Exchange, timeoutMs: number): AttemptResult {
  const { status, error, retryAfterS, answeredAfter } = exchange;
  const failed = { ok: false, responseExcerpt: null, retryAfterMs: null };
  if (answeredAfter >= timeoutMs)
    return {
      ...failed,
      statusCode: null,
      errorClass: 'timeout',
      message: `no answer within the timeout of ${timeoutMs} ms`,
      durationMs: timeoutMs,
    };
  if (error !== null)
    return {
      ...failed,
      statusCode: null,
      errorClass: error,
      message: messages[error],
      durationMs: answeredAfter,
    };
  const errorClass = classifyStatus(status!);
  return {
    ...failed,
    ok: errorClass === null,
    statusCode: status,
    errorClass,
    message: errorClass === null ? null : `HTTP ${status}`,
    retryAfterMs: retryAfterS === null ? null : retryAfterS * 1000,
    durationMs: answeredAfter,
  };
}

export interface TransportOptions {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly history: History;
  /** Called as an attempt begins; where the request is not what was signed, `check` says so. */
  readonly onAttempt: (
    delivery: string,
    claim: number,
    endpoint: number,
    endsAt: number,
    node: LabNode,
  ) => void;
  readonly check: (request: OutboundRequest, endpoint: number) => void;
  /** No sender can die before it hears: then one timer does for the receiver and for the answer. */
  readonly immortal: boolean;
}

/** The network as one incarnation of a node sees it: what it sent goes on without it. */
export function labTransport(options: TransportOptions, node: LabNode, incarnation: number): Transport {
  const { time, network, history } = options;
  return {
    post: (request) =>
      new Promise((resolve) => {
        const { url, headers, timeoutMs } = request;
        const endpoint = Number(url.slice(9, url.indexOf('.')));
        const payment = paymentFrom(header(headers, 'webhook-id'));
        const claim = Number(header(headers, 'posthorn-attempt'));
        const delivery = header(headers, 'posthorn-delivery');
        const startedAt = time.elapsed;
        options.check(request, endpoint);
        const exchange = network.exchange(endpoint, payment, claim, startedAt);
        const result = toResult(exchange, timeoutMs);
        const { processedAfter } = exchange;
        options.onAttempt(delivery, claim, endpoint, startedAt + result.durationMs, node);
        history.attempts?.push({
          endpoint,
          payment,
          delivery,
          claim,
          node: node.name,
          startedAt,
          processedAt: processedAfter === null ? null : startedAt + processedAfter,
          ok: result.ok,
        });
        history.note(
          startedAt,
          () => `${node.name} sends ${delivery} (payment ${payment}) to e${endpoint}, attempt ${claim}`,
        );
        const together = options.immortal && result.ok;
        const process = (): void => {
          history.arrived(endpoint, payment, time.elapsed);
          history.note(time.elapsed, () => `e${endpoint} processes payment ${payment}`);
        };
        if (processedAfter !== null && !together) time.after(processedAfter, process);
        node.later(incarnation, result.durationMs, () => {
          if (processedAfter !== null && together) process();
          history.note(
            time.elapsed,
            () =>
              `${node.name} hears of ${delivery}, attempt ${claim}: ${result.ok ? 'delivered' : result.message}`,
          );
          resolve(result);
        });
      }),
    close: async () => {},
  };
}
