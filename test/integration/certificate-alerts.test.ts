import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings } from '../../packages/posthorn/src/config/settings.ts';
import { systemClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { authority, client, server as serverCertificate } from '../certificates.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createWireClient } from '../wire-client.ts';
import { apiKey } from './serving.ts';

const dayMs = 86_400_000;
/** When the certificates of these tests end. */
const end = Date.UTC(2126, 0, 1);

interface Alerts {
  readonly items: readonly {
    readonly rule: string;
    readonly group: string;
    readonly summary: string;
    readonly severity: string;
    readonly state: string;
  }[];
}

test('certificates close to their end are shown, and notified before they fail', async () => {
  const receiver = createServer(serverCertificate, (request, response) => {
    request.resume();
    response.end('ok');
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(receiver.address() as AddressInfo).port}/hook`;
  const pager = await aReceiver();
  const read = readSettings(
    {
      port: 0,
      dataDir: tempDir(),
      apiKey,
      allowPrivateNetworks: true,
      logLevel: 'silent',
      evaluateEveryS: 1,
    },
    {},
  );
  if ('faults' in read) throw new Error(read.faults.join());
  const offset = end - 5 * dayMs - Date.now();
  const clock = { ...systemClock, now: () => Date.now() + offset };
  const serving = await startServing(read.settings, { clock });
  const wire = createWireClient(serving.url, apiKey);
  try {
    await wire.request('PUT', '/v1/channels/ops', { kind: 'webhook', url: pager.url });
    const tls = { client_certificate: client.cert, client_key: client.key, ca: authority.cert };
    const { id } = await wire.request<{ id: string }>('POST', '/v1/endpoints', { url, tls });
    await wire.request('POST', '/v1/events', { type: 'payment.succeeded', data: {} });
    const certificates = async () =>
      (
        await wire.request<{ certificates: { use: string; subject: string; not_after: string }[] }>(
          'GET',
          `/v1/endpoints/${id}`,
        )
      ).certificates;
    await until('the certificate of the receiver is shown', async () => (await certificates()).length === 3);
    expect(await certificates()).toMatchObject([
      { use: 'client', subject: 'CN=posthorn-client', not_after: '2126-01-01T00:00:00.000Z' },
      { use: 'ca' },
      { use: 'server', subject: 'CN=localhost', not_after: '2126-01-01T00:00:00.000Z' },
    ]);
    const expiring = async () =>
      (await wire.request<Alerts>('GET', '/v1/alerts')).items.filter(
        ({ rule }) => rule === 'certificate_expiring',
      );
    await until('both are about to end', async () => (await expiring()).length === 2);
    for (const alert of await expiring())
      expect(alert).toMatchObject({ severity: 'ticket', state: 'firing' });
    const notified = () =>
      pager.requests.map(({ body }) => body.toString()).filter((text) => text.includes('certificate'));
    await until('both are notified', () => notified().length >= 2);
    expect(notified().join()).toContain('the client certificate for localhost');
    expect(notified().join()).toMatch(/expires in [45] days, on 2126-01-01/);
    await wire.request('PATCH', `/v1/endpoints/${id}`, { tls: null });
    await until('the client certificate is spoken of no more', async () =>
      (await expiring()).some(({ group, state }) => group.startsWith('client/') && state === 'resolved'),
    );
  } finally {
    await serving.stop();
    await pager.close();
    receiver.closeAllConnections();
    receiver.close();
  }
});
