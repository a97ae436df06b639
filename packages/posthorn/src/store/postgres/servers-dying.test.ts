import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
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

test('a server that dies as soon as a client is connected breaks that client, not the process', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    const isProbe = ++connections === 1;
    socket.on('error', () => {});
    socket.once('data', () => {
      // In one packet, so that nothing runs in between.
      socket.write(isProbe ? ready : Buffer.concat([ready, dying]));
      socket.on('data', (data: Buffer) => data[0] === 0x51 && socket.write(timeline));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `postgres://someone@127.0.0.1:${port}/any`;
  try {
    const client = new (clientOfPrimary([url]))({ connectionString: url });
    await client.connect();
    await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|terminated/);
    expect(connections).toBe(2);
    await client.end().catch(() => {});
  } finally {
    server.close();
  }
});
