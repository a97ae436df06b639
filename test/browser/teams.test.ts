import { afterAll, beforeAll, test } from 'vitest';
import { apiKey } from '../integration/serving.ts';
import { aReceiver, until } from '../support.ts';
import { browserSuite } from './support.ts';

// Teams: what each sends and receives, and what is unowned.

const suite = browserSuite({ allowPrivateNetworks: true });
let receiver: Awaited<ReturnType<typeof aReceiver>>;

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(suite.server.url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

beforeAll(async () => {
  receiver = await aReceiver(({ path }, response) => {
    response.statusCode = path === '/ledger' ? 500 : 200;
    response.end('no');
  });
  const base = new URL(receiver.url).origin;
  await api('PUT', '/v1/teams/payments', { description: 'Payment services', channels: [] });
  await api('PUT', '/v1/teams/finance', { description: 'Accounting', channels: [] });
  await api('PUT', '/v1/event-types/payment.succeeded', { owner: 'payments' });
  const retry = { schedule_s: [], jitter: 0, give_up_after_s: 60 };
  await api('PUT', '/v1/endpoints/ledger', { url: `${base}/ledger`, owner: 'finance', retry });
  await api('PUT', '/v1/endpoints/orphan', { url: `${base}/orphan`, event_types: ['payment.*'] });
  for (let n = 0; n < 3; n++)
    await api('POST', '/v1/events', {
      type: 'payment.succeeded',
      data: { n },
      value: { amount_minor: 12_900, currency: 'EUR' },
    });
  await until('all are dead', async () => (await api<{ dead: number }>('GET', '/v1/accounting')).dead === 3);
});
afterAll(async () => {
  await receiver.close();
});

test('what is unowned comes first, and each team has its row', async () => {
  const page = await suite.open('/teams');
  await page
    .getByRole('heading', { level: 1, name: '1 thing has no owner: no team is notified of it.' })
    .waitFor();
  await page.getByText('it names no owner').waitFor();
  await page
    .getByRole('row', { name: /finance/ })
    .getByText('3 dead')
    .waitFor();
});

test('a team sees its types at the endpoints of others, in time and in money', async () => {
  const page = await suite.open('/teams');
  await page.getByRole('link', { name: 'payments' }).click();
  await page.getByRole('heading', { level: 1, name: /payments sends 1 event type/ }).waitFor();
  const matrix = page.getByRole('region', { name: 'What we send' });
  await matrix.getByRole('rowheader', { name: 'payment.succeeded' }).waitFor();
  await matrix.getByText(/3 at risk: €387\.00/).waitFor();
  await matrix.getByText('no owner').first().waitFor();
});
