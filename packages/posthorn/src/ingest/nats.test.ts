import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { connected } from './nats.ts';

test('a connect that fails leaves no socket open, and tells whether the server spoke', async () => {
  const server = createServer((socket) => {
    if (greets) socket.write('INFO');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let greets = false;
  for (greets of [false, true]) {
    let socket: Socket | null = null;
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const failing = connected(
      async () => {
        socket = connect(port, '127.0.0.1');
        await (greets ? once(socket, 'data') : accepted);
        throw new Error('timeout');
      },
      (error, hasSpoken) => new Error(`${(error as Error).message}, ${hasSpoken}`),
    );
    await expect(failing).rejects.toThrow(`timeout, ${greets}`);
    expect(socket!).toMatchObject({ destroyed: true });
    (await accepted)[0].destroy();
  }
  server.close();
});
