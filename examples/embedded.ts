// Posthorn embedded in an application: without a server, with only a data directory.
//
// In this checkout, where the package is not installed:
//
//   node --import ./bin/source.js examples/embedded.ts [directory]

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPosthorn } from 'posthorn';

const arrived = Promise.withResolvers<string>();
const receiver = createServer((request, response) => {
  response.end('ok');
  arrived.resolve(String(request.headers['webhook-id']));
});
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));

const posthorn = await createPosthorn({
  database: process.argv[2] ?? './posthorn-data',
  // Needed only because the receiver of this example is on this machine.
  allowPrivateNetworks: true,
});
await posthorn.start();
await posthorn.endpoints.ensure('shop', {
  url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
  eventTypes: ['payment.*'],
});
const receipt = await posthorn.publish({
  type: 'payment.succeeded',
  data: { order: 17 },
  value: { amountMinor: 1099, currency: 'EUR' },
});
console.log(`accepted: ${receipt.deliveries} delivery; arrived: ${(await arrived.promise) === receipt.id}`);
await posthorn.stop();
receiver.close();
