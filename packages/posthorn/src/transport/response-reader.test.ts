import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResponseReader } from './response-reader.ts';

interface Read {
  readonly status: number | null;
  readonly body: string;
  readonly complete: boolean;
  readonly reusable: boolean;
  readonly error: string | null;
}

/** What the reader makes of an answer that arrives in these parts, and then the end of the connection. */
function read(parts: readonly string[], ends = false): Read {
  const reader = new ResponseReader();
  let body = '';
  let error: string | null = null;
  const sink = { onBody: (chunk: Buffer) => (body += chunk.toString('latin1')) };
  try {
    for (const part of parts) reader.read(Buffer.from(part, 'latin1'), sink);
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  if (ends) reader.end();
  const { status, complete, reusable } = reader;
  return { status, body, complete, reusable, error };
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const whole: readonly (readonly [string, string, Partial<Read>])[] = [
  ['a plain answer', ok, { status: 200, body: 'ok', complete: true, reusable: true }],
  ['no reason', 'HTTP/1.1 200\r\ncontent-length:0\r\n\r\n', { status: 200, complete: true, reusable: true }],
  [
    'line ends of LF alone',
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    { status: 200, complete: true, reusable: true },
  ],
  [
    'spaces before the colon',
    'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',
    { complete: true, reusable: true },
  ],
  ['empty lines before it', `\r\n\n${ok}`, { status: 200, body: 'ok', complete: true }],
  [
    '100 and then 200',
    `HTTP/1.1 100 Continue\r\n\r\n${ok}`,
    { status: 200, body: 'ok', complete: true, reusable: true },
  ],
  [
    '102, 103 and then 204',
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    { status: 204, body: '', complete: true, reusable: true },
  ],
  [
    'chunks with extensions and trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n',
    { status: 200, body: 'ok0123456789', complete: true, reusable: true },
  ],
  [
    'a length twice',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    { complete: true, reusable: true },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', { complete: true, reusable: false }],
  [
    'HTTP/1.0 kept',
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok',
    { complete: true, reusable: true },
  ],
  [
    'Connection: close',
    'HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok',
    { complete: true, reusable: false },
  ],
  [
    'more than the answer',
    `${ok}HTTP/1.1 500 No\r\n\r\n`,
    { status: 200, body: 'ok', complete: true, reusable: false },
  ],
  [
    '204 with a length',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    { complete: true, reusable: false },
  ],
  [
    'chunks and a length',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    { body: 'ok', complete: true, reusable: false },
  ],
  [
    'a folded field',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok',
    { complete: true, reusable: false },
  ],
];

test.each(whole)('reads %s, however it is cut', (_, text, expected) => {
  expect(read([text])).toMatchObject({ error: null, ...expected });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: text.length }), { maxLength: 8 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const parts = at.slice(1).map((end, n) => text.slice(at[n], end));
      expect(read(parts.filter((part) => part !== ''))).toMatchObject({ error: null, ...expected });
    }),
    { numRuns: 50 },
  );
  expect(read(Array.from(text))).toMatchObject({ error: null, ...expected });
});

test.each([
  ['no length', 'HTTP/1.1 200 OK\r\n\r\nok'],
  ['lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok'],
  ['a length that is not a number', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
  ['an encoding that does not end in chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok'],
])('with %s the end of the connection ends the body', (_, text) => {
  expect(read([text])).toMatchObject({ status: 200, body: 'ok', complete: false, reusable: false });
  expect(read([text], true)).toMatchObject({ status: 200, body: 'ok', complete: true, reusable: false });
});

test.each([
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
])('a body that is cut leaves the status known', (text) => {
  expect(read([text], true)).toMatchObject({ status: 200, body: 'ok', complete: false });
});

test.each(['zz\r\n', '2\r\nokay\r\n0\r\n\r\n', '123456789\r\n', `1${' '.repeat(5000)}\r\n`])(
  'a bad chunk leaves the status known: %s',
  (chunks) => {
    const result = read([`HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]);
    expect(result).toMatchObject({ status: 503, complete: false, error: 'malformed chunk' });
  },
);

test('G8: a flood of tiny chunks is not read to its end, and leaves the status known', () => {
  for (const chunk of ['1\r\nx\r\n', `1;${'e'.repeat(4000)}\r\nx\r\n`]) {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    const lines = chunk.length - 1;
    const most = Math.floor((32 * 1024) / lines);
    expect(read([head + chunk.repeat(most)])).toMatchObject({ error: null, body: 'x'.repeat(most) });
    const result = read([head, ...Array.from({ length: most + 1 }, () => chunk)]);
    expect(result).toMatchObject({ status: 200, complete: false, error: 'too many lines around chunks' });
  }
});

test.each([
  ['SSH-2.0-OpenSSH_9.9\r\n', 'the answer is not HTTP'],
  ['220 mail.example.com ESMTP\r\n', 'the answer is not HTTP'],
  ['\x15\x03\x01\x00\x02\x02\x16', 'the answer is not HTTP'],
  ['HTTP/1.1 OK\r\n\r\n', 'the answer is not HTTP'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'the answer is not HTTP'],
  ['HTTP/1.1 -20 OK\r\n\r\n', 'the answer is not HTTP'],
  ['HTTP/1.1 000 OK\r\n\r\n', '000 is not a status of HTTP'],
  ['HTTP/1.1 099 OK\r\n\r\n', '099 is not a status of HTTP'],
  ['HTTP/1.1 600 OK\r\n\r\n', '600 is not a status of HTTP'],
  ['HTTP/1.1 999 OK\r\n\r\n', '999 is not a status of HTTP'],
  ['HTTP/1.1 101 Up\r\n\r\n', '101 Switching Protocols: no upgrade was asked for'],
  ['HTTP/1.1 100 C\r\n\r\n'.repeat(33), 'more than 32 interim answers (1xx)'],
  [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 'the head of the answer is too long'],
  [`HTTP/1.1 200 OK\r\n${'X: 1\r\n'.repeat(20_000)}`, 'the head of the answer is too long'],
  ['\r\n'.repeat(40_000), 'the head of the answer is too long'],
])('is not an answer: %#', (text, error) => {
  expect(read([text])).toMatchObject({ status: null, complete: false, error });
});

test('never throws anything else, and never reads beyond what it is given', () => {
  const piece = fc.constantFrom(
    'HTTP/1.1 ',
    '200',
    '100',
    ' OK',
    '\r\n',
    '\n',
    '\r',
    'Content-Length: ',
    '3',
    'Transfer-Encoding: chunked',
    'Connection: close',
    'abc',
    '0',
    ';',
    ' ',
    ':',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.boolean(), (pieces, ends) => {
      const { status, error, complete } = read(pieces, ends);
      if (error !== null) expect(complete).toBe(false);
      if (complete) expect(status).toBe(200);
    }),
    { numRuns: 500 },
  );
});

test('the names of interest are found whatever their case', () => {
  const reader = new ResponseReader();
  reader.read(
    Buffer.from(
      'HTTP/1.1 503 No\r\nRETRY-AFTER:  120 \r\nkeep-alive: max=5, timeout=7\r\ncontent-length: 0\r\n\r\n',
    ),
    { onBody: () => {} },
  );
  expect(reader).toMatchObject({ status: 503, retryAfter: '120', keepAliveS: 7, complete: true });
  reader.reset();
  reader.read(Buffer.from(ok), { onBody: () => {} });
  expect(reader).toMatchObject({ status: 200, retryAfter: undefined, keepAliveS: null, complete: true });
});
