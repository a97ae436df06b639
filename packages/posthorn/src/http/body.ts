import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../runtime/clock.ts';
import { atOnce, inTurns, nextTurn } from '../runtime/turn.ts';
import { BodyMemory, type Free } from './body-memory.ts';
import type { HttpServer } from './connections.ts';
import { lineBody } from './line-body.ts';
import { threadUtilization } from '../runtime/utilization.ts';
import { PublishTurns } from './publish-turns.ts';
import { maxNesting } from '../contract/limits.ts';
import type { Operation } from '../contract/operation.ts';
import { table } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { readEventBody } from '../service/event-body.ts';
import { nestsDeeper } from '../service/raw-json.ts';
import { refuseUnstorable } from './storable.ts';
import { callerAddress } from './caller-address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's text as received, if it was JSON. */
    rawJson: string | null;
    /** The response. */
    rawReply: ServerResponse | null;
  }
}

/** Text and value of a body take three to six times its bytes: 64 MiB of bodies are up to 400 MB of memory. */
const maxBodiesBytes = 64 * 1024 * 1024;
/** Larger bodies than this are read with a turn of the event loop between the steps. */
const maxParsedAtOnce = 64 * 1024;
/** Reading 8 MiB takes 40 to 100 ms: of larger bodies than this, one at a time. */
const maxUnqueued = 256 * 1024;

/** For a body of undeclared length. */
const minReserved = 64 * 1024;

const batchUrl = '/v1/events/batch';
const publishing: ReadonlySet<string> = new Set(['/v1/events', batchUrl]);
/** Their schemas check every text except the data, which may contain anything. */
const eventBodies = new Set([...publishing, '/v1/transformations/dry-run']);
/** An adapter knows which part of a body is an event's data. */
const hasOwnCheck = ({ routeOptions: { url = '', config } }: FastifyRequest): boolean =>
  eventBodies.has(url) || config.adapter !== undefined;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function tooLarge(limit: number): PosthornError {
  return new PosthornError('too_large', `The request body is larger than ${limit} bytes.`);
}

/** JSON between systems is UTF-8 (RFC 8259); with another charset the text would be misread. */
function refuseEncoded({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity')
    throw new PosthornError('unsupported_media_type', 'Send the body without Content-Encoding.');
  const charset = /;\s*charset="?([^";\s]*)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    throw new PosthornError('unsupported_media_type', 'The body must be UTF-8: leave out the charset.');
}

/** The bytes of a body, in memory that is reserved before they are read. */
async function readBytes(
  request: FastifyRequest,
  payload: IncomingMessage,
  memory: BodyMemory,
  continueBody: (request: IncomingMessage) => void,
): Promise<Buffer> {
  refuseEncoded(request);
  const limit = request.routeOptions.bodyLimit;
  const length = request.headers['content-length'];
  const declared = length === undefined ? null : Number(length);
  if (declared !== null && declared > limit) throw tooLarge(limit);
  // A closed connection would neither end the body nor free its memory.
  if (payload.destroyed || request.rawReply!.destroyed) throw cutBody();
  const sender = request.caller?.id ?? callerAddress(request);
  const frees: Free[] = [];
  const freeAll = (): void => frees.forEach((free) => free());
  request.rawReply!.once('finish', freeAll).once('close', freeAll);
  const reserve = (bytes: number): void => {
    const free = memory.reserve(sender, bytes);
    if (free === null)
      throw new PosthornError(
        'unavailable',
        'Too many request bodies at once. Nothing was stored; try again.',
      );
    frees.push(free);
  };
  if (declared !== null && declared > 0) reserve(declared);
  continueBody(request.raw);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let reserved = declared ?? 0;
    const stop = (): void => {
      payload.off('data', add).off('end', finish).off('error', cut).off('close', cut);
    };
    const finish = (): void => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, received));
    };
    const fail = (problem: unknown): void => {
      stop();
      reject(problem as Error);
    };
    const cut = (): void => fail(cutBody());
    const add = (chunk: Buffer): void => {
      received += chunk.length;
      try {
        if (received > limit) throw tooLarge(limit);
        if (received > reserved) {
          // A body of unknown length doubles its reservation each time, so that it grows rarely.
          const more = Math.min(limit, Math.max(received, reserved * 2, minReserved)) - reserved;
          reserve(more);
          reserved += more;
        }
      } catch (error) {
        return fail(error);
      }
      chunks.push(chunk);
    };
    payload.on('data', add).on('end', finish).on('error', cut).on('close', cut);
  });
}

export function notJson(): PosthornError {
  return new PosthornError(
    'unsupported_media_type',
    'The body must be JSON, with Content-Type: application/json.',
  );
}

function cutBody(): PosthornError {
  return new PosthornError('bad_request', 'The request body ended before it was complete.');
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new PosthornError('invalid_utf8', 'the body is not UTF-8');
  }
}

function refuseDeep(text: string): void {
  if (nestsDeeper(text, maxNesting))
    throw new PosthornError('too_deep', `the body is nested deeper than ${maxNesting} levels`);
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // V8's message quotes the input; only its position may be passed on.
    const where = /position \d+/.exec((error as Error).message)?.[0];
    throw new PosthornError(
      'invalid_json',
      `the body is not JSON${where === undefined ? '' : ` (at ${where})`}`,
    );
  }
}

/** Parses a body, and pauses between the steps. */
function* parsing(request: FastifyRequest, bytes: Buffer): Generator<void, unknown> {
  const text = decode(bytes);
  const { url = '' } = request.routeOptions;
  const events = publishing.has(url) ? yield* readEventBody(bytes, text, url === batchUrl) : null;
  if (events !== null) {
    request.rawJson = text;
    return events;
  }
  yield;
  refuseDeep(text);
  yield;
  const value = parseText(text);
  request.rawJson = text;
  yield;
  if (!hasOwnCheck(request)) refuseUnstorable(text, value);
  return value;
}

/** Reads and parses the body of a request. */
export type BodyParser = (request: FastifyRequest, payload: IncomingMessage) => Promise<unknown>;

/**
 * Reads JSON bodies in limited memory, and parses them without blocking the event loop for long. Returns the parser, for adapters
 * whose requests declare no type.
 */
export function readBodies(
  app: FastifyInstance,
  clock: Pick<Clock, 'monotonic' | 'after'>,
  { continueBody, takeLong }: Pick<HttpServer, 'continueBody' | 'takeLong'>,
): BodyParser {
  const memory = new BodyMemory(maxBodiesBytes);
  const publishTurns = new PublishTurns(clock, threadUtilization());
  let turn: Promise<unknown> = Promise.resolve();

  app.decorateRequest('rawJson', null);
  app.decorateRequest('rawReply', null);
  app.addHook('preParsing', (request, reply, payload, done) => {
    request.rawReply = reply.raw;
    done(null, payload);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-ndjson',
    async (request: FastifyRequest, payload: IncomingMessage) => {
      const { operation } = request.routeOptions.config;
      const form: Operation | null = operation === undefined ? null : table[operation];
      if (form?.lines === undefined) throw notJson();
      refuseEncoded(request);
      return lineBody(request, payload, () => {
        takeLong(request.raw);
        continueBody(request.raw);
      });
    },
  );
  const parseJson: BodyParser = async (request, payload) => {
    const bytes = await readBytes(request, payload, memory, continueBody);
    if (bytes.length === 0) return undefined;
    if (publishing.has(request.routeOptions.url ?? '') && request.caller !== null) {
      const { turn, end } = publishTurns.begin(request.caller, bytes.length);
      // A connection may close in the turn in which the body ends: what it holds would be held forever.
      if (request.rawReply!.destroyed) end();
      else request.rawReply!.once('close', end);
      if (turn !== null) await turn;
    }
    if (bytes.length <= maxParsedAtOnce) return atOnce(parsing(request, bytes));
    if (bytes.length <= maxUnqueued) return await inTurns(parsing(request, bytes));
    const mine = turn.then(() => inTurns(parsing(request, bytes)));
    turn = mine.catch(() => {}).then(nextTurn);
    return await mine;
  };
  app.addContentTypeParser('application/json', parseJson);
  return parseJson;
}
