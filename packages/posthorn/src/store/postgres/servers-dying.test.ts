import { createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { Database } from './database.ts';
import { clientOfPrimary } from './servers.ts';

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const text = (words: string): Buffer => Buffer.from(`${words}\0`);
const ready = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
const dying = message(
  'E',
  Buffer.concat([text('SFATAL'), text('C57P01'), text('Mpostmaster exit'), Buffer.from([0])]),
);
/** One column, one row: a timeline. */
const timeline = ((): Buffer => {
  const column = Buffer.alloc(18);
  column.writeInt32BE(25, 6);
  const row = Buffer.from('00000001');
  const count = Buffer.from([0, 1]);
  const length = Buffer.from([0, 0, 0, row.length]);
  return Buffer.concat([
    message('T', Buffer.concat([count, text('timeline'), column])),
    message('D', Buffer.concat([count, length, row])),
    message('C', text('SELECT 1')),
    message('Z', Buffer.from('I')),
  ]);
})();

/** A server whose connections, but for the first `probes`, die as soon as they are open. */
async function dyingServer(probes: number) {
  let connections = 0;
  const server = createServer((socket) => {
    const isProbe = ++connections <= probes;
    socket.on('error', () => {});
    socket.once('data', () => {
      // In one packet, so that nothing runs in between.
      socket.write(isProbe ? ready : Buffer.concat([ready, dying]));
      socket.on('data', (data: Buffer) => data[0] === 0x51 && socket.write(timeline));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://someone@127.0.0.1:${port}/any`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

test('a server that dies as soon as a client is connected breaks that client, not the process', async () => {
  await using server = await dyingServer(1);
  const client = new (clientOfPrimary([server.url]))({ connectionString: server.url });
  await client.connect();
  await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|terminated/);
  expect(server.connections()).toBe(2);
  await client.end().catch(() => {});
});

test.each(['of its own', 'of the application'])(
  'nor does one that dies as soon as a pool %s has connected for a transaction',
  async (whose) => {
    await using server = await dyingServer(0);
    const pool = new pg.Pool({ connectionString: server.url });
    const db = whose === 'of its own' ? Database.connect(server.url, 1) : Database.on(pool);
    await expect(db.transaction(async () => {})).rejects.toMatchObject({ name: 'UnavailableError' });
    expect(server.connections()).toBe(1);
    await db.close();
    await pool.end();
  },
);
