import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { answerFault } from '../answers.ts';
import { takeFaults } from '../seen-answers.ts';
import { serve } from './serving.ts';

const operations = Object.entries(table).filter(
  ([, { answer }]) => answer !== null && answer.type === 'object',
) as [string, Operation][];

test.each(operations)(
  '%s: an answer with a missing or an additional field is found',
  (_, { method, path, example, status }) => {
    const url = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => example.params![name]!);
    const faultIn = (answer: object): string | null =>
      answerFault({
        method,
        url,
        status,
        contentType: 'application/json; charset=utf-8',
        body: JSON.stringify(answer),
      });
    const answer = example.answer as Record<string, unknown>;
    expect(faultIn(answer)).toBeNull();
    // The OpenAPI document has many other fields.
    if (path !== '/openapi.json') expect(faultIn({ ...answer, additional: 1 })).toContain('additional');
    const [first, ...others] = Object.entries(answer);
    expect(faultIn(Object.fromEntries(others))).toContain(first![0]);
  },
);

const problem = { type: '/errors/x', title: 'x', detail: 'x', request_id: 'req_1' };

test.each([
  ['GET', '/v1/nodes', 404, { ...problem, status: 404, code: 'not_found' }, 'not among the errors'],
  ['GET', '/v1/nodes', 401, { ...problem, status: 404, code: 'not_found' }, 'its status is 404'],
  ['GET', '/v1/nodes', 400, { ...problem, status: 400, code: 'no_such_code' }, 'not in the contract'],
  ['GET', '/v1/none', 404, { ...problem, status: 404, code: 'not_found', more: 1 }, 'more'],
])('%s %s %i: a problem that is not in the contract is found', (method, url, status, body, fault) => {
  const answer = { method, url, status, contentType: 'application/problem+json', body: JSON.stringify(body) };
  expect(answerFault(answer)).toContain(fault);
});

test('answers are seen by fetch, and where servers write them', async () => {
  // Another process's server is stood in for by one whose answer is written past `end`.
  const server = createServer((request, response) => {
    if (request.url === '/healthz')
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'request-id': 'req_1' });
    response.end('{"status":"ok"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await (await fetch(`${url}/healthz`)).text();
  await (await fetch(`${url}/readyz`)).text();
  server.close();
  const found = await takeFaults();
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^GET \/healthz: 200 .*version/s);
});

test('a server of ours has none', async () => {
  const { url, stop } = await serve();
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/errors/busy',
    '/v1/nodes',
    '/v1/none',
  ])
    await (
      await fetch(url + path, { headers: { authorization: 'Bearer phk_test_0123456789abcdef' } })
    ).text();
  await stop();
  expect(await takeFaults()).toEqual([]);
});
