import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemAnswer } from '../../packages/posthorn/src/contract/errors.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
});
afterAll(async () => {
  await server.stop();
});

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes that no client library would, and reads one answer. */
async function send(text: string): Promise<RawAnswer> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write(text, 'latin1');
  let heard = '';
  try {
    for await (const chunk of socket) {
      heard += String(chunk);
      const [head, body] = heard.split('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(head!)?.[1];
      // An answer to HEAD has the length of a body, and none.
      const isWhole = text.startsWith('HEAD') || Buffer.byteLength(body ?? '') >= Number(length ?? 0);
      if (body !== undefined && isWhole) break;
    }
  } finally {
    socket.destroy();
  }
  const [head = '', body = ''] = heard.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.replace(/^[^:]*: ?/, '')]);
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers), body };
}

const key = `authorization: Bearer ${apiKey}\r\n`;
const json = 'content-type: application/json\r\n';
const host = 'host: posthorn.test\r\n';
const request = (line: string, headers = '', body = ''): string =>
  `${line} HTTP/1.1\r\n${host}${key}${headers}${body === '' ? '' : `content-length: ${body.length}\r\n`}\r\n${body}`;
const post = (headers: string, body = '{}'): string => request('POST /v1/redrives', headers, body);

test.each<[string, string, number, string, string?]>([
  ['TLS on a plain port', '\x16\x03\x01\x02\x00\x01\x00', 400, 'bad_request'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
  ['an unknown method', request('FETCH /v1/nodes'), 400, 'bad_request'],
  ['a space in the path', request('GET /v1/a b'), 400, 'bad_request'],
  ['NUL in a header', request('GET /v1/nodes', 'x: \0\r\n'), 400, 'bad_request'],
  ['no Host', `GET /healthz HTTP/1.1\r\n\r\n`, 400, 'bad_request'],
  [
    'two lengths',
    request('POST /v1/redrives', `${json}content-length: 2\r\ncontent-length: 3\r\n`),
    400,
    'bad_request',
  ],
  [
    'a length beside chunks',
    request('POST /v1/redrives', `${json}transfer-encoding: chunked\r\ncontent-length: 3\r\n`),
    400,
    'bad_request',
  ],
  [
    'a bad chunk',
    `${request('POST /v1/redrives', `${json}transfer-encoding: chunked\r\n`)}zz\r\n`,
    400,
    'bad_request',
  ],
  ['a bad percent sign', request('GET /v1/redrives/%zz'), 400, 'bad_url'],
  ['NUL in the path', request('GET /v1/redrives/%00'), 400, 'bad_url'],
  ['bytes that are not UTF-8', post(json, '{"a":"\xff"}'), 400, 'invalid_utf8'],
  ['no key', `GET /v1/nodes HTTP/1.1\r\n${host}\r\n`, 401, 'unauthorized'],
  ['an unknown path', request('GET /v1/none'), 404, 'not_found'],
  ['an id of 5,000 characters', request(`GET /v1/redrives/${'a'.repeat(5000)}`), 404, 'not_found'],
  [
    'a method that the path does not take',
    request('PUT /v1/redrives'),
    405,
    'method_not_allowed',
    'GET, POST',
  ],
  ['a method that only other servers know', request('PROPFIND /v1/nodes'), 405, 'method_not_allowed', 'GET'],
  ['OPTIONS', request('OPTIONS /v1/redrives/rdr_1'), 405, 'method_not_allowed', 'GET, PATCH'],
  ['HEAD', request('HEAD /v1/nodes'), 405, 'method_not_allowed', 'GET'],
  [
    'a body above 512 KiB',
    request('POST /v1/redrives', `${json}content-length: 600000\r\n`),
    413,
    'too_large',
  ],
  [
    'chunks above 512 KiB',
    `${request('POST /v1/redrives', `${json}transfer-encoding: chunked\r\n`)}92000\r\n${' '.repeat(0x92000)}\r\n`,
    413,
    'too_large',
  ],
  ['text', post('content-type: text/plain\r\n'), 415, 'unsupported_media_type'],
  ['no type', post(''), 415, 'unsupported_media_type'],
  [
    'another charset',
    post('content-type: application/json; charset=latin1\r\n'),
    415,
    'unsupported_media_type',
  ],
  ['gzip', post(`${json}content-encoding: gzip\r\n`), 415, 'unsupported_media_type'],
  ['an expectation', post(`${json}expect: a-receipt\r\n`), 417, 'expectation_failed'],
  ['a path of 17,000 characters', request(`GET /${'a'.repeat(17_000)}`), 431, 'headers_too_large'],
  [
    'headers of 17,000 characters',
    request('GET /v1/nodes', `x: ${'a'.repeat(17_000)}\r\n`),
    431,
    'headers_too_large',
  ],
  [
    'CONNECT',
    'CONNECT posthorn.test:443 HTTP/1.1\r\nhost: posthorn.test:443\r\n\r\n',
    501,
    'not_implemented',
  ],
  [
    'another transfer encoding',
    request('POST /v1/redrives', `${json}transfer-encoding: gzip\r\n`),
    501,
    'not_implemented',
  ],
])('%s is answered with a problem document and a request id', async (_, text, status, code, allow) => {
  const answer = await send(text);
  expect(answer.status).toBe(status);
  expect(answer.headers['request-id']).toMatch(/^req_/);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['allow']).toBe(allow);
  if (text.startsWith('HEAD')) return;
  expect(problemAnswer.parse(JSON.parse(answer.body))).toMatchObject({
    type: `/errors/${code}`,
    status,
    code,
    request_id: answer.headers['request-id'],
  });
});

test.each<[string, string, number]>([
  ['HTTP/1.0 without Host', 'GET /healthz HTTP/1.0\r\n\r\n', 200],
  ['the absolute form of a path', `GET http://posthorn.test/healthz HTTP/1.1\r\n${host}\r\n`, 200],
  ['an offer to upgrade', `GET /healthz HTTP/1.1\r\n${host}connection: upgrade\r\nupgrade: h2c\r\n\r\n`, 200],
  [
    'identity, and the charset of JSON',
    post('content-type: application/json; charset="UTF-8"\r\ncontent-encoding: Identity\r\n'),
    422,
  ],
])('%s is an ordinary request', async (_, text, status) => {
  const answer = await send(text);
  expect(answer.status).toBe(status);
  expect(answer.headers['request-id']).toMatch(/^req_/);
});
