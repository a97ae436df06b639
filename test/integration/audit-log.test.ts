import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings } from '../../packages/posthorn/src/config/settings.ts';
import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { type Answer, type OperationId, table } from '../../packages/posthorn/src/contract/table.ts';
import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { evaluated, evaluatedOnce } from '../support.ts';

type Entry = Answer<'auditLog.list'>['items'][number];

const apiKey = 'phk_audit_log_0123456789abcdef';
/** Planted in write-only places. */
const canaries = {
  key: apiKey,
  secret: 'whsec_Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5',
  header: 'Bearer canary-header-1f2e3d4c',
  otherHeader: 'canary-header-aa11bb22',
  channel: '/services/T000/B000/canary-path-778899',
  password: 'canary-password-44556677',
  payload: 'canary-payload-99887766',
  token: 'canary-token-55443322',
  proxy: 'canary-proxy-password-1122',
};

let url: string;
let store: Store;
let stop: () => Promise<unknown>;

beforeAll(async () => {
  const read = readSettings(
    { port: 0, apiKey, allowPrivateNetworks: true, logLevel: 'silent', ...evaluatedOnce },
    {},
  );
  if ('faults' in read) throw new Error(read.faults.join());
  store = openHere({ dataDir: ':memory:' });
  ({ url, stop } = await startServing(read.settings, { store }));
  // An evaluation would resolve the alert that a step raises.
  await evaluated(store);
});
afterAll(() => stop());

interface Called {
  readonly status: number;
  readonly requestId: string | null;
  readonly cookie: string | null;
  readonly body: Record<string, unknown>;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  credential: Readonly<Record<string, string>> = { authorization: `Bearer ${apiKey}` },
): Promise<Called> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...credential,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    requestId: response.headers.get('request-id'),
    cookie: response.headers.get('set-cookie')?.split(';')[0] ?? null,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

async function entries(query = ''): Promise<readonly Entry[]> {
  const { status, body } = await call('GET', `/v1/audit-log?limit=1000${query}`);
  expect(status).toBe(200);
  return (body as unknown as Answer<'auditLog.list'>).items;
}

/** Ids that former steps have made. */
const made: Record<string, string> = {};
const closed = 'http://127.0.0.1:1';

interface Step {
  readonly id: OperationId;
  readonly path: () => string;
  readonly body?: unknown;
  /** Its id is the answer's, if that has one, unless it is said here. */
  readonly target: { readonly kind: string; readonly id?: () => string };
  /** By a session; else by the first admin key. */
  readonly session?: true;
  readonly tenant?: string | null;
  /** Keeps the answer's id under this name. */
  readonly keep?: string;
  readonly before?: () => Promise<unknown>;
}

const declared = (
  resource: string,
  kind: string,
  name: string,
  id: OperationId,
  body?: unknown,
  tenant: string | null = null,
): Step => ({
  id,
  path: () => `/v1/${resource}/${name}`,
  ...(body === undefined ? {} : { body }),
  target: { kind, id: () => name },
  tenant,
});

const endpoint = { kind: 'endpoint', id: (): string => made['endpoint']! };
const ofEndpoint = (id: OperationId, verb: string, body?: unknown): Step => ({
  id,
  path: () => `/v1/endpoints/${made['endpoint']}${verb}`,
  ...(body === undefined ? {} : { body }),
  target: endpoint,
  tenant: 'acme',
});
const ofRedrive = (id: OperationId, verb: string, body?: unknown): Step => ({
  id,
  path: () => `/v1/redrives/${made['redrive']}${verb}`,
  ...(body === undefined ? {} : { body }),
  target: { kind: 'redrive', id: () => made['redrive']! },
  tenant: 'acme',
});
const ofReplay = (id: OperationId, verb: string, body?: unknown): Step => ({
  id,
  path: () => `/v1/replays/${made['replay']}${verb}`,
  ...(body === undefined ? {} : { body }),
  target: { kind: 'replay', id: () => made['replay']! },
  tenant: 'acme',
});
const ofDelivery = (id: OperationId, verb: string, body?: unknown): Step => ({
  id,
  path: () => `/v1/deliveries/${made['delivery']}/${verb}`,
  ...(body === undefined ? {} : { body }),
  target: { kind: 'delivery', id: () => made['delivery']! },
  tenant: 'acme',
});
const ofKey = (id: OperationId, verb: string, body?: unknown): Step => ({
  id,
  path: () => `/v1/keys/${made['key']}${verb}`,
  ...(body === undefined ? {} : { body }),
  target: { kind: 'key', id: () => made['key']! },
  tenant: 'acme',
});

/** Three suppressed deliveries of the endpoint, which is paused. */
async function suppress(): Promise<void> {
  const events = [1, 2, 3].map((n) => ({
    id: `pay-${n}`,
    tenant: 'acme',
    type: 'payment.succeeded',
    data: { note: canaries.payload },
  }));
  await call('POST', '/v1/events/batch', { events });
  const { body } = await call('GET', `/v1/deliveries?tenant=acme&state=suppressed`);
  made['delivery'] = (body as unknown as Answer<'deliveries.list'>).items[0]!.id;
}

async function raiseAlert(): Promise<void> {
  const now = Date.now();
  const alert: Alert = {
    id: 'alr_1',
    rule: 'dead_letters',
    group: made['endpoint']!,
    severity: 'ticket',
    state: 'firing',
    owner: null,
    summary: 'Three dead letters.',
    evidence: {},
    since: now,
    firedAt: now,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: null,
    notifiedSeverity: null,
  };
  const { version } = await store.read.alerts();
  await store.write.saveAlerts({ version, changed: [alert], forgotten: [], notifications: [], now });
}

const slack = { kind: 'slack', url: `${closed}${canaries.channel}` };
const settings = {
  tenant: 'acme',
  url: `${closed}/hook`,
  secret: canaries.secret,
  headers: { Authorization: canaries.header },
};

/** Each operation that changes something, in an order in which each finds something to change. */
const steps: readonly Step[] = [
  declared('channels', 'channel', 'slack', 'channels.put', slack),
  {
    id: 'channels.test',
    path: () => '/v1/channels/slack/test',
    target: { kind: 'channel', id: () => 'slack' },
    tenant: null,
  },
  declared('teams', 'team', 'orders', 'teams.put', { description: '', channels: ['slack'] }),
  declared('templates', 'template', 'strict', 'templates.put', {
    timeout_ms: 5000,
    deliver_within_s: 60,
    dead_letter_alert: { severity: 'page' },
  }),
  declared('event-types', 'event_type', 'payment.succeeded', 'eventTypes.put', { owner: 'orders' }),
  declared('slos', 'slo', 'on-time', 'slos.put', {
    objective: 'accounted',
    target: 1,
    window_days: 30,
    producer: 'orders',
    consumer: 'orders',
  }),
  declared('tenants', 'tenant', 'acme', 'tenants.put', { display_name: 'Acme' }, 'acme'),
  {
    id: 'endpoints.create',
    path: () => '/v1/endpoints',
    body: settings,
    target: { kind: 'endpoint' },
    tenant: 'acme',
    keep: 'endpoint',
  },
  {
    id: 'endpoints.ensure',
    path: () => '/v1/endpoints/billing?tenant=acme',
    body: settings,
    target: { kind: 'endpoint' },
    tenant: 'acme',
  },
  ofEndpoint('endpoints.update', '', { headers: { 'X-Other': canaries.otherHeader } }),
  ofEndpoint('endpoints.update', '', { headers: {}, proxy: `http://user:${canaries.proxy}@127.0.0.1:1` }),
  ofEndpoint('endpoints.update', '', { auth: { type: 'bearer', token: canaries.token } }),
  ofEndpoint('endpoints.update', '', { auth: { type: 'bearer', token: `${canaries.token}-2` } }),
  ofEndpoint('endpoints.rotateSecret', '/rotate-secret', { grace_s: 60 }),
  ofEndpoint('endpoints.pause', '/pause', { reason: 'maintenance' }),
  ofEndpoint('endpoints.test', '/test'),
  { ...ofDelivery('deliveries.redrive', 'redrive'), before: suppress },
  ofDelivery('deliveries.cancel', 'cancel', { reason: 'wrong customer' }),
  {
    id: 'events.replay',
    path: () => '/v1/events/pay-1/replay?tenant=acme',
    body: {},
    target: { kind: 'event', id: () => 'pay-1' },
    tenant: 'acme',
  },
  {
    id: 'events.deleteData',
    path: () => '/v1/events/usr-1/data?tenant=unheard',
    target: { kind: 'event', id: () => 'usr-1' },
    tenant: 'unheard',
    // No endpoint takes it, so nothing of it is pending.
    before: async () => {
      const data = { note: canaries.payload };
      await call('POST', '/v1/events', { id: 'usr-1', tenant: 'unheard', type: 'user.created', data });
    },
  },
  {
    id: 'events.import',
    path: () => '/v1/events/import',
    body: { tenant: 'acme', events: [{ id: 'past-1', type: 'payment.succeeded', data: 1, deliveries: [] }] },
    target: { kind: 'tenant', id: () => 'acme' },
    tenant: 'acme',
  },
  {
    id: 'deadLetters.snooze',
    path: () => `/v1/dead-letters/suppressed.${made['endpoint']}.-.-/snooze`,
    body: { until: new Date(Date.now() + 3_600_000).toISOString(), reason: 'wait for the deploy' },
    target: { kind: 'dead_letters', id: () => `suppressed.${made['endpoint']}.-.-` },
    tenant: 'acme',
  },
  {
    id: 'deadLetters.wake',
    path: () => `/v1/dead-letters/suppressed.${made['endpoint']}.-.-/wake`,
    target: { kind: 'dead_letters', id: () => `suppressed.${made['endpoint']}.-.-` },
    tenant: 'acme',
  },
  {
    id: 'redrives.create',
    path: () => '/v1/redrives',
    // By its endpoint it is acme's.
    body: () => ({ filter: { endpoint_id: made['endpoint'], state: 'suppressed' }, rate_per_s: 0.01 }),
    target: { kind: 'redrive' },
    tenant: 'acme',
    keep: 'redrive',
  },
  ofRedrive('redrives.update', '', { rate_per_s: 0.02 }),
  ofRedrive('redrives.stop', '/stop'),
  {
    id: 'replays.create',
    path: () => '/v1/replays',
    body: () => ({ filter: { endpoint_id: made['endpoint'] }, rate_per_s: 0.01 }),
    target: { kind: 'replay' },
    tenant: 'acme',
    keep: 'replay',
  },
  ofReplay('replays.update', '', { rate_per_s: 0.02 }),
  ofReplay('replays.stop', '/stop'),
  ofEndpoint('endpoints.resume', '/resume'),
  {
    id: 'alerts.acknowledge',
    path: () => '/v1/alerts/alr_1/acknowledge',
    target: { kind: 'alert', id: () => 'alr_1' },
    tenant: 'acme',
    before: raiseAlert,
  },
  {
    id: 'alerts.unacknowledge',
    path: () => '/v1/alerts/alr_1/unacknowledge',
    target: { kind: 'alert', id: () => 'alr_1' },
    tenant: 'acme',
  },
  {
    id: 'keys.create',
    path: () => '/v1/keys',
    body: { name: 'deploys', scopes: ['operate'], tenant: 'acme' },
    target: { kind: 'key' },
    tenant: 'acme',
    keep: 'key',
  },
  {
    id: 'markers.create',
    path: () => '/v1/markers',
    body: { kind: 'deploy', label: 'payments 2.14' },
    target: { kind: 'marker' },
    tenant: null,
    keep: 'marker',
  },
  {
    id: 'markers.delete',
    path: () => `/v1/markers/${made['marker']!}`,
    target: { kind: 'marker', id: () => made['marker']! },
    tenant: null,
  },
  ofKey('keys.rotate', '/rotate', { grace_s: 60 }),
  ofKey('keys.delete', ''),
  {
    id: 'portalLinks.create',
    path: () => '/v1/portal-links',
    body: { tenant: 'acme' },
    target: { kind: 'portal_link' },
    tenant: 'acme',
  },
  { id: 'sessions.create', path: () => '/v1/sessions', body: {}, target: { kind: 'session' }, tenant: null },
  {
    id: 'sessions.delete',
    path: () => '/v1/sessions',
    target: { kind: 'session' },
    tenant: null,
    session: true,
  },
  ofEndpoint('endpoints.delete', ''),
  {
    id: 'endpoints.delete',
    path: () => '/v1/endpoints/billing?tenant=acme',
    target: { kind: 'endpoint', id: () => made['endpoints.ensure']! },
    tenant: 'acme',
  },
  declared('tenants', 'tenant', 'acme', 'tenants.delete', undefined, 'acme'),
  declared('slos', 'slo', 'on-time', 'slos.delete'),
  declared('event-types', 'event_type', 'payment.succeeded', 'eventTypes.delete'),
  declared('templates', 'template', 'strict', 'templates.delete'),
  declared('teams', 'team', 'orders', 'teams.delete'),
  declared('channels', 'channel', 'slack', 'channels.delete'),
];

/** Operations that change nothing that an entry would be about, each with the reason. */
const unaudited: Partial<Record<OperationId, string>> = {
  'transformations.dryRun': 'it changes nothing; a stored event that it reads is a look at a payload',
  'endpoints.check': 'it checks a URL and changes nothing',
  'secrets.rotate': 'with one key nothing is to be encrypted anew: secrets-rotation.test.ts has two',
};

const changing = (Object.entries(table) as [OperationId, Operation][])
  // A key that may only read or publish does not change anything else.
  .filter(([, { method, scope }]) => method !== 'GET' && scope !== 'read' && scope !== 'publish')
  .map(([id]) => id);

describe('G9: every operation that changes something leaves one entry', () => {
  test.each(changing)('%s has a step here, or a reason why it has none', (id) => {
    expect(steps.some((step) => step.id === id) || unaudited[id] !== undefined).toBe(true);
  });

  // In their order: what one makes the next one changes.
  test.each(steps.map((step) => [step.id, step] as const))('%s', async (id, step) => {
    await step.before?.();
    const count = (await entries()).length;
    const { method, status: expected, otherStatus }: Operation = table[id];
    const { status, body, requestId, cookie } = await call(
      method,
      step.path(),
      typeof step.body === 'function' ? step.body() : step.body,
      step.session === true
        ? { cookie: made['cookie']!, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
        : undefined,
    );
    if (cookie !== null && !cookie.endsWith('=')) made['cookie'] = cookie;
    expect([expected, otherStatus], JSON.stringify(body)).toContain(status);
    const { id: answered } = body as { id?: string };
    if (step.keep !== undefined) made[step.keep] = answered!;
    made[id] = answered ?? '';
    const now = await entries();
    expect(now.length - count).toBe(1);
    expect(now[0]).toMatchObject({
      actor:
        step.session === true
          ? { kind: 'session', id: expect.stringMatching(/^ses_/) }
          : { kind: 'key', id: 'admin' },
      action: id,
      target: { kind: step.target.kind, id: step.target.id?.() ?? answered ?? expect.any(String) },
      tenant: step.tenant,
      from: '127.0.0.1',
      request_id: requestId,
    });
    expect(now[0]!.before === null && now[0]!.after === null).toBe(false);
  });

  test('what changes nothing, or is refused, leaves none', async () => {
    const document = { description: 'again', channels: [] };
    await call('PUT', '/v1/teams/again', document);
    const ensured = { url: `${closed}/again`, tenant: 'again' };
    await call('PUT', '/v1/endpoints/again?tenant=again', ensured);
    const before = await entries();
    const statuses: number[] = [];
    for (const [method, path, body] of [
      ['PUT', '/v1/teams/again', document],
      ['PUT', '/v1/endpoints/again?tenant=again', ensured],
      ['PATCH', '/v1/endpoints/again?tenant=again', {}],
      ['POST', '/v1/endpoints/again/resume?tenant=again', undefined],
      ['POST', '/v1/deliveries/dlv_none/redrive', undefined],
      ['PUT', '/v1/teams/again', { description: '', channels: ['none'] }],
      ['DELETE', '/v1/teams/none', undefined],
      ['DELETE', '/v1/events/usr-1/data?tenant=unheard', undefined],
      ['POST', '/v1/events', { tenant: 'again', type: 'a', data: {} }],
    ] as const)
      statuses.push((await call(method, path, body)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 404, 422, 404, 204, 202]);
    expect(await entries()).toEqual(before);
  });

  test('none of them holds what was planted', async () => {
    const all = JSON.stringify(await entries());
    for (const changed of ['secret', 'auth']) expect(all).toContain(`"write_only_changed":["${changed}"]`);
    expect(all).toMatch(/"write_only_changed":\[[^\]]*"headers\.X-Other"/);
    const found = Object.entries({ ...canaries, session: made['cookie']!.split('=')[1]! })
      .filter(([, canary]) => all.includes(canary))
      .map(([name]) => name);
    expect(found).toEqual([]);
    expect(/whsec_|phk_/.test(all)).toBe(false);
  });
});
