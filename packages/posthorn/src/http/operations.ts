import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Operation } from '../contract/operation.ts';
import { parseRequest, type RawRequest } from '../contract/parse.ts';
import { type OperationId, table } from '../contract/table.ts';
import { type Caller, anonymous } from '../domain/caller.ts';
import { parseTrace } from '../domain/trace.ts';
import type { Clock } from '../runtime/clock.ts';
import { idempotencyKey } from './idempotency.ts';
import { callerCredential } from './identity.ts';
import { type Call, type Handlers, Lines, Reply, type SessionChange, Stream } from '../service/handler.ts';
import { isLineBody } from './line-body.ts';
import { lineStream, sendStream } from './streams.ts';
import { callerAddress } from './caller-address.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** An operation of the contract: a route without one cannot be registered. */
    operation?: OperationId;
    /** A route of an adapter, which decides by itself what a caller may do; `open`: it needs no key. */
    adapter?: 'open' | 'keyed';
  }
  interface FastifyRequest {
    /** Null until it is known, and for operations that need no caller. */
    caller: Caller | null;
  }
}

function callFrom(request: FastifyRequest): Call {
  const { method, headers, rawJson } = request;
  const { traceparent, tracestate } = headers;
  return {
    // Every operation with a caller is behind the hook that identifies it.
    caller: request.caller ?? anonymous,
    from: callerAddress(request),
    requestId: request.id,
    trace: traceparent === undefined ? null : parseTrace(traceparent, tracestate),
    text: rawJson,
    idempotencyKey: method === 'POST' ? (idempotencyKey(request) ?? null) : null,
    acceptsLines: headers.accept?.includes(lineType) === true,
    credential: () => callerCredential(request),
  };
}

/** A call has begun or ended a session: the browser is informed. */
export type OnSession = (request: FastifyRequest, reply: FastifyReply, change: SessionChange) => void;

const lineType = 'application/x-ndjson';

/** What the adapter needs besides the use cases. */
export interface Serving {
  readonly onSession: OnSession;
  readonly clock: Clock;
  /** Whether the caller that this request authorized may still continue. */
  readonly mayRead: (request: FastifyRequest) => Promise<boolean>;
}

const asIs = (text: unknown): string => text as string;

function send(
  reply: FastifyReply,
  operation: Operation,
  result: unknown,
  request: FastifyRequest,
  { onSession, clock, mayRead }: Serving,
): FastifyReply {
  if (result instanceof Stream) return sendStream(reply, result, { clock, mayRead: () => mayRead(request) });
  if (result instanceof Lines) return reply.type(lineType).send(lineStream(result));
  const { status, otherStatus = status, answer, contentType = 'application/json; charset=utf-8' } = operation;
  if (!(result instanceof Reply)) return reply.code(status).send(answer === null ? undefined : result);
  if (result.session !== null) onSession(request, reply, result.session);
  void reply.code(result.other ? otherStatus : status);
  if (result.replayed) void reply.header('idempotent-replayed', 'true');
  if (result.etag !== null) {
    void reply.header('etag', result.etag);
    if (request.headers['if-none-match'] === result.etag) return reply.code(304).send();
  }
  const isReady = typeof result.answer === 'string' || Buffer.isBuffer(result.answer);
  if (!isReady) return reply.send(result.answer);
  return reply.type(contentType).serializer(asIs).send(result.answer);
}

/** Request parts in the contract's form: browsers resume a stream by a header. */
function requestParts({ isStream }: Operation, { params, query, body, headers }: FastifyRequest): RawRequest {
  if (isLineBody(body)) return { params, query, body: undefined, lines: body };
  const lastId = headers['last-event-id'];
  if (isStream !== true || lastId === undefined) return { params, query, body };
  return { params, query: { last_event_id: lastId, ...(query as object) }, body };
}

const routeUrl = ({ path }: Operation): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** From now on only routes of the contract, of adapters, and files, can be registered. */
export function refuseOtherRoutes(app: FastifyInstance): void {
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.isFile === true || config?.adapter !== undefined) return;
    const id = config?.operation;
    const operation = id === undefined ? undefined : table[id];
    if (operation === undefined || operation.method !== method || routeUrl(operation) !== url)
      throw new Error(`${String(method)} ${url} is not an operation of the contract`);
  });
}

/** Registers every operation of the contract. */
export function serveOperations(app: FastifyInstance, handlers: Handlers, serving: Serving): void {
  for (const id of Object.keys(table) as OperationId[]) {
    const operation: Operation = table[id];
    // `Handlers` maps each operation to its handler: here only their names are known.
    const handle = handlers[id] as (input: unknown, call: Call) => Promise<unknown>;
    app.route({
      method: operation.method,
      url: routeUrl(operation),
      config: { operation: id },
      ...(operation.maxBodyBytes === undefined ? {} : { bodyLimit: operation.maxBodyBytes }),
      handler: async (request, reply) =>
        send(
          reply,
          operation,
          await handle(parseRequest(operation, requestParts(operation, request)), callFrom(request)),
          request,
          serving,
        ),
    });
  }
}
