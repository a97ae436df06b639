import type { Page } from 'playwright-core';
import { calendarUntil } from '../../packages/posthorn/src/cli/demo/kestrel/calendar.ts';
import { iso } from '../../packages/posthorn/src/domain/time.ts';
import type { WireClient } from '../wire-client.ts';
import { type screenNames, settingsPages } from './screen-names.ts';

// Every page of the dashboard, with something to show on each, in the history of `posthorn demo --keep`.

export interface Screen {
  readonly name: (typeof screenNames)[number];
  readonly path: string;
  /** Not signed in. */
  readonly isForNobody?: boolean;
}

type Items = { readonly items: readonly Readonly<Record<string, unknown>>[] };

/** The pages, with ids of the history where a path has one. */
export async function screensOf(client: WireClient, now: number): Promise<Screen[]> {
  const first = async (path: string): Promise<Readonly<Record<string, unknown>>> => {
    const { items } = await client.request<Items>('GET', path);
    if (items[0] === undefined) throw new Error(`${path} is empty`);
    return items[0];
  };
  const { freeze, ordersDown } = calendarUntil(now);
  const outageEnd = ordersDown.until;
  const ledger = await client.request<{ id: string }>('GET', '/v1/endpoints/ledger');
  const attempt = await first(
    `/v1/attempts?outcome=superseded&limit=1&since=${iso(freeze.from - 60_000)}&until=${iso(freeze.until + 600_000)}`,
  );
  const delivery = await client.request<Record<string, unknown>>(
    'GET',
    `/v1/deliveries/${String(attempt['delivery_id'])}`,
  );
  const redrive = await first('/v1/redrives?limit=1');
  const { token } = await client.request<{ token: string }>('POST', '/v1/portal-links', {
    tenant: 'default',
    can: ['redrive', 'replay', 'test'],
  });
  return [
    { name: 'now', path: '/' },
    { name: 'wall', path: '/?wall=1' },
    { name: 'deliveries', path: '/deliveries?last=7d' },
    { name: 'delivery', path: `/deliveries/${String(delivery['id'])}` },
    { name: 'event', path: `/events/${String(delivery['tenant'])}/${String(delivery['event_id'])}` },
    { name: 'dead-letters', path: '/dead-letters?last=30d' },
    { name: 'redrives', path: '/redrives' },
    { name: 'redrive', path: `/redrives/${String(redrive['id'])}` },
    { name: 'endpoints', path: '/endpoints' },
    { name: 'endpoint', path: `/endpoints/${ledger.id}` },
    { name: 'new-endpoint', path: '/endpoints/new' },
    { name: 'objectives', path: '/objectives' },
    { name: 'objective', path: '/objectives/payments-to-ledger' },
    { name: 'teams', path: '/teams' },
    { name: 'team', path: '/teams/shop' },
    { name: 'impact', path: `/impact?at=${iso(outageEnd)}` },
    { name: 'missed', path: `/missed?endpoint_id=${ledger.id}&last=24h&by=ours` },
    ...settingsPages.map((name) => ({
      name: `settings-${name}` as const,
      path: name === 'log' ? '/settings/log?last=30d&target_kind=endpoint' : `/settings/${name}`,
    })),
    { name: 'sign-in', path: '/', isForNobody: true },
    { name: 'portal', path: `/portal#t=${token}`, isForNobody: true },
  ];
}

/** Waits until a page shows what it is for: its heading, and no part that is still read. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}
