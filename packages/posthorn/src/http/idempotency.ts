import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onSendHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import type { Operation } from '../contract/operation.ts';
import { table } from '../contract/table.ts';
import { invalid, PosthornError } from '../domain/errors.ts';
import { secondMs } from '../domain/time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { KeyedRequestBounds, KeyedRequestWrites } from '../store/idempotency.ts';
import {
  type KeptAnswer,
  type RequestContent,
  requestSecrets,
  type RequestSecrets,
  sealNonceBytes,
} from './keyed-request.ts';
import { idempotencyConflict } from '../service/idempotency.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The run of this request under its Idempotency-Key; null if it has none. */
    keyedRun: KeyedRun | null;
  }
}

/** A process that dies during a request blocks its key for at most this long; a live one renews the lease. */
const leaseMs = 30 * secondMs;
const renewMs = 10 * secondMs;
/** After ten minutes a request that has not ended counts as hung, and its lease runs out. */
const maxRenewals = 60;
const retryAfterS = 1;

/** Rows and stored bytes that one API key may have; beyond, its oldest entries are deleted early. */
const bounds: KeyedRequestBounds = { maxRows: 100_000, maxBytes: 256 * 1024 * 1024 };
/** Ids are uniform, so one request in 512 of each caller counts the caller's rows: 7 ms for 100,000 rows. */
const countingIds = /^A[A-H]/;
/** More than are added before the next count. */
const maxForgotten = 1000;

const visible = /^[\x21-\x7e]{1,255}$/;

export interface IdempotencyDependencies {
  readonly store: KeyedRequestWrites;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface KeyedRun {
  readonly id: string;
  readonly token: string;
  readonly secrets: RequestSecrets;
  readonly stopRenewing: () => void;
}

/** The request's Idempotency-Key, or undefined. Throws a 422 if it is not 1 to 255 visible ASCII characters. */
export function idempotencyKey(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  // Node joins a repeated header with a comma and a space, which is refused.
  const key = request.headers['idempotency-key']?.toString();
  if (key === undefined || visible.test(key)) return key;
  throw invalid('/Idempotency-Key', 'must be 1 to 255 visible ASCII characters, sent once');
}

/**
 * Whether an answer is stored: answers to requests that may have changed something. A refusal (4xx, 503) says that
 * nothing was stored, so the same request is decided again.
 */
function isRemembered(status: number): boolean {
  return status < 400 || status === 500;
}

/** A single event without an id uses its Idempotency-Key as the id: the event itself remembers it. */
function hasEventIdFromKey({ routeOptions, body }: FastifyRequest): boolean {
  return routeOptions.url === '/v1/events' && (typeof body !== 'object' || body === null || !('id' in body));
}

function sendAgain(reply: FastifyReply, { status, contentType, body }: KeptAnswer): void {
  void reply.code(status).header('idempotent-replayed', 'true');
  if (contentType !== '') void reply.header('content-type', contentType);
  // As it was sent, not serialized again.
  void reply.serializer((text: string) => text).send(body === '' ? undefined : body);
}

function answerFrom(reply: FastifyReply, payload: unknown): KeptAnswer | null {
  if (payload !== undefined && payload !== null && typeof payload !== 'string') return null;
  const contentType = reply.getHeader('content-type');
  return {
    status: reply.statusCode,
    contentType: typeof contentType === 'string' ? contentType : '',
    body: payload ?? '',
  };
}

/** Renews a run's lease until it is stopped. The next renewal makes up for one that fails. */
function renewLease({ store, clock }: IdempotencyDependencies, id: string, token: string): () => void {
  let left = maxRenewals;
  let cancel = (): void => {};
  let stopped = false;
  const arm = (): void => {
    if (stopped || left-- === 0) return;
    cancel = clock.after(renewMs, () => {
      store.extendKeyedRequest({ id, token }, clock.now() + leaseMs).then((has) => has && arm(), arm);
    });
  };
  arm();
  return () => {
    stopped = true;
    cancel();
  };
}

/** Begins a run, or returns the stored answer of a completed one. Throws the 409 of a key that is in use. */
async function begin(
  deps: IdempotencyDependencies,
  secrets: RequestSecrets,
  content: RequestContent,
): Promise<KeyedRun | KeptAnswer> {
  const { store, clock, random, logger } = deps;
  const { id, caller } = secrets;
  const token = Buffer.from(random.bytes(12)).toString('base64url');
  const fingerprint = secrets.fingerprint(content);
  const now = clock.now();
  const known = await store.beginKeyedRequest({
    id,
    caller,
    fingerprint,
    token,
    now,
    leaseUntil: now + leaseMs,
  });
  if (known.state === 'fresh') return { id, token, secrets, stopRenewing: renewLease(deps, id, token) };
  if (known.state === 'conflict') throw idempotencyConflict();
  if (known.state === 'running')
    throw new PosthornError(
      'idempotency_in_progress',
      'The first request with this Idempotency-Key has not been answered yet: repeat it after Retry-After.',
      [],
      retryAfterS,
    );
  const answer = known.answer === null ? null : secrets.unseal(known.answer);
  if (answer !== null) return answer;
  if (known.answer !== null)
    logger.error({ code: 'idempotency_answer_damaged' }, 'cannot read a stored answer: it was changed');
  throw new PosthornError(
    'idempotency_answer_not_kept',
    'The request with this Idempotency-Key was carried out, but its answer was too long to store: read what it created instead of repeating it.',
  );
}

/** Stores the answer, or deletes the run. What was done is done: the answer is sent even if this fails. */
async function end(
  { store, random, logger }: IdempotencyDependencies,
  { id, token, secrets, stopRenewing }: KeyedRun,
  status: number,
  answer: KeptAnswer | null,
): Promise<void> {
  stopRenewing();
  try {
    if (!isRemembered(status)) return await store.abandonKeyedRequest({ id, token });
    const sealed = answer === null ? null : secrets.seal(answer, random.bytes(sealNonceBytes));
    await store.finishKeyedRequest({ id, token }, sealed);
    if (countingIds.test(id)) await store.boundKeyedRequests(secrets.caller, bounds, maxForgotten);
  } catch (error) {
    logger.warn(
      { code: 'idempotency_not_saved', error: (error as Error).message },
      'cannot save the outcome of an Idempotency-Key; a repeat runs again when its lease has ended',
    );
  }
}

/** Before the route: begins a run, or answers in its place. */
function beginHook(deps: IdempotencyDependencies, keyOf = ownKey): preHandlerHookHandler {
  const decide = async (
    request: FastifyRequest,
    reply: FastifyReply,
    secrets: RequestSecrets,
    content: RequestContent,
    done: HookHandlerDoneFunction,
  ): Promise<void> => {
    let found: KeyedRun | KeptAnswer;
    try {
      found = await begin(deps, secrets, content);
    } catch (error) {
      done(error as Error);
      return;
    }
    if ('status' in found) sendAgain(reply, found);
    else {
      request.keyedRun = found;
      done();
    }
  };
  return (request, reply, done) => {
    const given = keyOf(request);
    const { credential } = request;
    if (given === null || credential === null) done();
    else void decide(request, reply, requestSecrets(credential, given.key), given.content, done);
  };
}

/** What a request is remembered by: its key, and what must be equal in a repeat. Null: it is not remembered. */
type KeyOf = (request: FastifyRequest) => { readonly key: string; readonly content: RequestContent } | null;

const ownKey: KeyOf = (request) => {
  const key = idempotencyKey(request);
  if (key === undefined || hasEventIdFromKey(request)) return null;
  const { method, url, rawJson } = request;
  return { key, content: { method, url, body: rawJson ?? '' } };
};

/** Before the answer is sent, so that no client has an answer that is not stored. */
function endHook(deps: IdempotencyDependencies): onSendHookHandler {
  const finish = async (
    run: KeyedRun,
    status: number,
    answer: KeptAnswer | null,
    done: HookHandlerDoneFunction,
  ): Promise<void> => {
    await end(deps, run, status, answer);
    done();
  };
  return (request, reply, payload, done) => {
    const { keyedRun } = request;
    request.keyedRun = null;
    if (keyedRun === null) done();
    else void finish(keyedRun, reply.statusCode, answerFrom(reply, payload), done);
  };
}

/** The hooks of an adapter's routes, which remember requests by a key of their own. */
export function idempotencyHooks(
  deps: IdempotencyDependencies,
  keyOf: KeyOf,
): { readonly preHandler: preHandlerHookHandler; readonly onSend: onSendHookHandler } {
  return { preHandler: beginHook(deps, keyOf), onSend: endHook(deps) };
}

/**
 * Lets every POST route that is added from now on honor the header `Idempotency-Key`: it runs once, and a repeat gets
 * the same answer. Call it after the authentication hook, because a repeat skips the route. A request without the
 * header costs one lookup.
 */
export function honorIdempotencyKeys(app: FastifyInstance, deps: IdempotencyDependencies): void {
  app.decorateRequest('keyedRun', null);
  app.addHook('onRoute', (route) => {
    const id = route.config?.operation;
    const operation: Operation | null = id === undefined ? null : table[id];
    if (route.method !== 'POST' || operation?.isRepeatable === false) return;
    route.preHandler = [beginHook(deps), ...[route.preHandler ?? []].flat()];
    route.onSend = [...[route.onSend ?? []].flat(), endHook(deps)];
  });
}
