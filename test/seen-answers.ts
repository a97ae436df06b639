import { ServerResponse } from 'node:http';
import type { SeenAnswer } from './answers.ts';

// Compares each answer of a Posthorn server with the contract: the responses of servers in this process, and those that come by
// fetch from servers in others. Test files share a process, and this module with it: each answer is seen once.

const faults: string[] = [];
/** Files that ask no server do not wait for the contract to load. */
let loading: Promise<void> | null = null;
let check: (answer: SeenAnswer) => void = (answer) => void early.push(answer);
const early: SeenAnswer[] = [];

async function load(): Promise<void> {
  const { answerFault } = await import('./answers.ts');
  check = (answer) => {
    const fault = answerFault(answer);
    if (fault === null) return;
    const { method, url, status, contentType, body } = answer;
    faults.push(`${method} ${url}: ${status} ${contentType} ${body.slice(0, 1000)}\n${fault}`);
  };
  for (const answer of early.splice(0)) check(answer);
}

function see(answer: SeenAnswer): void {
  loading ??= load();
  check(answer);
}

/** Only Posthorn's answers have such a request id. */
const isPosthorns = (requestId: unknown): boolean =>
  typeof requestId === 'string' && requestId.startsWith('req_');

/** Files of the dashboard and the documentation are not answers of the API: pages have a policy, and what they load has hashed names that last. */
const isFile = (headers: Readonly<Record<string, unknown>>): boolean =>
  headers['content-security-policy'] !== undefined || String(headers['cache-control']).includes('immutable');

const fetchUnseen = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await fetchUnseen(input, init);
  // A stream does not end: it is checked where it is written.
  const isStream = response.headers.get('content-type') === 'text/event-stream';
  if (
    isPosthorns(response.headers.get('request-id')) &&
    !isStream &&
    !isFile(Object.fromEntries(response.headers.entries()))
  ) {
    const { pathname, search } = new URL(response.url);
    const { status, headers } = response;
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    const body = await response.clone().text();
    see({ method, url: pathname + search, status, contentType: headers.get('content-type') ?? '', body });
  }
  return response;
};

interface Written {
  readonly contentType: string;
  readonly chunks: (string | Buffer)[];
}

const written = new WeakMap<ServerResponse, Written>();
/** What is sent to many callers as it is, such as the OpenAPI document, is compared once. */
const compared = new WeakSet<Buffer>();
const { writeHead, write, end } = ServerResponse.prototype;

function keep(response: ServerResponse, chunk: unknown): void {
  if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) written.get(response)?.chunks.push(chunk);
}

function seeWritten({ req, statusCode }: ServerResponse, { contentType, chunks }: Written): void {
  const [only] = chunks;
  if (chunks.length === 1 && Buffer.isBuffer(only)) {
    if (compared.has(only)) return;
    compared.add(only);
  }
  const body = chunks.map((chunk) => chunk.toString()).join('');
  see({ method: req.method!, url: req.url!, status: statusCode, contentType, body });
}

ServerResponse.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  const headers = { ...this.getHeaders(), ...(args.at(-1) as Record<string, unknown> | undefined) };
  if (isPosthorns(headers['request-id']) && !isFile(headers))
    written.set(this, { contentType: String(headers['content-type'] ?? ''), chunks: [] });
  return Reflect.apply(writeHead, this, args) as ServerResponse;
};
ServerResponse.prototype.write = function (this: ServerResponse, ...args: unknown[]): boolean {
  keep(this, args[0]);
  return Reflect.apply(write, this, args) as boolean;
};
ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  keep(this, args[0]);
  const seen = written.get(this);
  written.delete(this);
  if (seen !== undefined) seeWritten(this, seen);
  return Reflect.apply(end, this, args) as ServerResponse;
};

/** Returns what was found since the last time. */
export async function takeFaults(): Promise<readonly string[]> {
  await loading;
  return faults.splice(0);
}
