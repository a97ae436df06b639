import type { Answer, Input, OperationId } from '../../posthorn/src/contract/table.ts';
import { paths } from './generated/paths.ts';

export type { Answer, Input, OperationId };

/** One item of a list's answer. */
export type Item<Id extends OperationId> =
  Answer<Id> extends { readonly items: readonly (infer T)[] } ? T : never;

type Part<Id extends OperationId, Name extends 'params' | 'query' | 'body'> = Input<Id>[Name];

export type QueryValue = string | number | boolean | readonly (string | number)[] | null | undefined;

/** What a call sends: everything as on the wire. Times and amounts are text. */
export interface Request<Id extends OperationId> {
  readonly params?: Part<Id, 'params'>;
  /** Values that are undefined, null or empty are left out; a list becomes comma-separated. */
  readonly query?: { readonly [Name in keyof Part<Id, 'query'>]?: QueryValue };
  readonly body?: unknown;
  /** The same key has one effect, however often the call is sent. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** A refusal of the server, or no answer at all (then `status` is 0 and `code` is `unreachable`). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly retryAfterS: number | null;

  constructor(
    status: number,
    code: string,
    detail: string,
    {
      requestId = null,
      errors = [],
      retryAfterS = null,
    }: Partial<Pick<Problem, 'requestId' | 'errors' | 'retryAfterS'>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.errors = errors;
    this.retryAfterS = retryAfterS;
  }
}

/** The query of a URL, with its question mark. */
export const queryText = (query: Readonly<Record<string, QueryValue>>): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const text = typeof value === 'object' && value !== null ? value.join(',') : value;
    if (text !== undefined && text !== null && text !== '') parameters.set(name, String(text));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
};

/** The path and query of a call. */
function urlFor<Id extends OperationId>(id: Id, { params, query }: Request<Id> = {}): string {
  const [, path] = paths[id];
  const values = (params ?? {}) as Readonly<Record<string, string>>;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
  return filled + queryText((query ?? {}) as Readonly<Record<string, QueryValue>>);
}

/** What a refusal of the server says. */
export async function problemFrom(response: Response): Promise<Problem> {
  const value: unknown = await response.json().catch(() => null);
  const { code, detail, request_id, errors } = (typeof value === 'object' && value !== null ? value : {}) as {
    code?: string;
    detail?: string;
    request_id?: string;
    errors?: readonly { path: string; message: string }[];
  };
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new Problem(
    response.status,
    code ?? 'garbled',
    detail ?? `The server answered ${response.status} without saying why.`,
    {
      requestId: request_id ?? response.headers.get('request-id'),
      errors: errors ?? [],
      retryAfterS: Number.isFinite(retryAfter) ? retryAfter : null,
    },
  );
}

const signedOut = new EventTarget();

/** The server no longer knows the session. */
export function endSession(): void {
  signedOut.dispatchEvent(new Event('signed-out'));
}

/** Calls back when the server no longer knows the session. Returns what ends that. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.addEventListener('signed-out', listener);
  return () => signedOut.removeEventListener('signed-out', listener);
}

/** Sends a call with the session's cookie. Rejects with `Problem`. */
async function responseTo<Id extends OperationId>(id: Id, request: Request<Id>): Promise<Response> {
  const [method] = paths[id];
  const { body, idempotencyKey, signal } = request;
  const changes = method !== 'GET';
  let response: Response;
  try {
    response = await fetch(urlFor(id, request), {
      method,
      // A cookie's request that changes something needs this type, body or not.
      headers: {
        accept: 'application/json',
        ...(changes ? { 'content-type': 'application/json' } : {}),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: 'same-origin',
      redirect: 'error',
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Problem(0, 'unreachable', 'The server does not answer.');
  }
  if (!response.ok) {
    const problem = await problemFrom(response);
    if (problem.status === 401 && id !== 'sessions.create') endSession();
    throw problem;
  }
  return response;
}

/** Calls the API with the session's cookie. Rejects with `Problem`. */
export async function call<Id extends OperationId>(id: Id, request: Request<Id> = {}): Promise<Answer<Id>> {
  const response = await responseTo(id, request);
  if (response.status === 204) return undefined as Answer<Id>;
  const answer: unknown = await response.json().catch(() => {
    throw new Problem(
      response.status,
      'garbled',
      'The answer is not JSON. Is there a proxy in front of the server?',
    );
  });
  return answer as Answer<Id>;
}

/** The text of an answer as it came: parsing JSON changes long numbers, and an event's data is shown as it was published. */
export async function callText<Id extends OperationId>(id: Id, request: Request<Id> = {}): Promise<string> {
  return await (await responseTo(id, request)).text();
}

/** A key under which a change has one effect: made when a dialog opens, so that a double click is one change. */
export const newIdempotencyKey = (): string => crypto.randomUUID();
