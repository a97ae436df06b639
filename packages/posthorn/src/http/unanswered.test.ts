import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { until } from '../../../../test/support.ts';
import { reportUnanswered } from './unanswered.ts';

test('G8: a request that is cut without an answer is logged; an idle connection and an unread answer are not', async () => {
  const logged: object[] = [];
  const app = Fastify({
    logger: false,
    connectionTimeout: 50,
    keepAliveTimeout: 20,
    genReqId: () => 'req_1',
  });
  reportUnanswered(app, { error: (fields) => void logged.push(fields) });
  app.get('/never', () => new Promise(() => {}));
  app.get('/at-once', async () => 'ok');
  app.get('/begins', (_, reply) => {
    reply.raw.writeHead(200);
    reply.raw.write('a');
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  let closed = 0;
  app.server.on('connection', (socket) => socket.once('close', () => closed++));
  try {
    expect(await (await fetch(`${url}/at-once`)).text()).toBe('ok');
    await until('the idle connection is closed', () => closed === 1);
    await expect(fetch(`${url}/begins`).then((answer) => answer.text())).rejects.toThrow('terminated');
    expect(logged).toEqual([]);
    await expect(fetch(`${url}/never`)).rejects.toThrow('fetch failed');
    expect(logged).toMatchObject([{ code: 'request_unanswered', requestId: 'req_1', hasArrived: true }]);
  } finally {
    await app.close();
  }
});
