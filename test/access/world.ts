import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { type OperationId, table } from '../../packages/posthorn/src/contract/table.ts';
import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import { apiKey } from '../integration/serving.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';

// The objects in the access tests: two endpoints of one tenant, and one of another.

export interface Request {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

type Body = Readonly<Record<string, unknown>>;

/**
 * The owner of the requested object: the tenant `own` and its first endpoint, that tenant's other endpoint,
 * another tenant, or missing.
 */
export type Target = 'own' | 'sibling' | 'foreign' | 'missing';
export type Existing = Exclude<Target, 'missing'>;

export interface Side {
  readonly tenant: string;
  readonly endpointId: string;
  readonly endpointName: string;
}

export const tenants = { own: 'tnt-own', sibling: 'tnt-own', foreign: 'tnt-foreign', missing: 'tnt-absent' };
export const owner = 'team-that-owns';
export const template = 'template-that-rules';
/** Every endpoint gets this type and nothing else. */
const type = 'access.tested';

export interface World {
  readonly sides: Readonly<Record<Existing, Side>>;
  /** Texts that the other side must not see: its tenant, and the ids of its objects. */
  readonly marks: Readonly<Record<Existing, Set<string>>>;
  call(key: string | null, id: OperationId, request: Request): Promise<Answer>;
  /** As the first admin; anything but success fails. */
  admin(id: OperationId, request: Request): Promise<Body>;
  /** A name that was not used before. */
  name(): string;
  /** Returns the id of the object that `make` creates on a side, or the given unused one. */
  idOf(target: Target, missing: string, make: (side: Existing) => Promise<string>): Promise<string>;
  endpoint(side: Existing): Promise<string>;
  /** An event with a delivery to the side's endpoint alone. */
  event(side: Existing): Promise<{ readonly id: string; readonly deliveryId: string }>;
  redrive(side: Existing): Promise<string>;
  /** The id of a group that has a suppressed delivery. */
  droppedGroup(side: Existing): Promise<string>;
  /** It finds nothing to replay. */
  replay(side: Existing): Promise<string>;
  alert(side: Existing): Promise<string>;
  key(side: Existing): Promise<string>;
}

export function pathOf({ path }: Operation, { params = {}, query = {} }: Request): string {
  const at = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name]!));
  const search = new URLSearchParams(query).toString();
  return search === '' ? at : `${at}?${search}`;
}

/** The first two messages of a stream. */
async function beginningOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.split('\n\n').length > 2) break;
  }
  return text;
}

export async function createWorld(url: string, store: Store): Promise<World> {
  let count = 0;
  const name = (): string => `made-${String(++count).padStart(5, '0')}`;
  const marks = {
    own: new Set([tenants.own]),
    sibling: new Set<string>(),
    foreign: new Set([tenants.foreign]),
  };

  const call: World['call'] = async (key, id, { body, ...request }) => {
    const response = await fetch(url + pathOf(table[id], request), {
      method: table[id].method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { isStream }: Operation = table[id];
    const text = response.ok && isStream ? await beginningOf(response) : await response.text();
    return { status: response.status, text };
  };
  const admin: World['admin'] = async (id, request) => {
    const { status, text } = await call(apiKey, id, request);
    if (status >= 300) throw new Error(`${id} ${JSON.stringify(request)}: ${status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Body);
  };
  /** Returns the marked id in a response. */
  const marked = (side: Existing, { id }: Body): string => {
    marks[side].add(id as string);
    return id as string;
  };
  const endpoint = async (side: Existing, event_types = ['never']): Promise<string> => {
    const settings = { url: 'http://127.0.0.1:1/', event_types, owner, template };
    return marked(
      side,
      await admin('endpoints.create', { body: { tenant: tenants[side], name: name(), ...settings } }),
    );
  };
  const sideOf = async (side: Existing): Promise<Side> => {
    const endpointId = await endpoint(side, [`${type}.${side}`]);
    const shown = await admin('endpoints.get', { params: { id: endpointId } });
    return { tenant: tenants[side], endpointId, endpointName: shown['name'] as string };
  };

  await admin('teams.put', { params: { name: owner }, body: { channels: [] } });
  await admin('templates.put', { params: { name: template }, body: { timeout_ms: 1000 } });
  const sides = {
    own: await sideOf('own'),
    sibling: await sideOf('sibling'),
    foreign: await sideOf('foreign'),
  };

  return {
    sides,
    marks,
    call,
    admin,
    name,
    idOf: async (target, missing, make) => (target === 'missing' ? missing : await make(target)),
    endpoint: async (side) => await endpoint(side),
    event: async (side) => {
      const event = { tenant: tenants[side], type: `${type}.${side}`, data: { n: ++count } };
      const id = marked(side, await admin('events.publish', { body: event }));
      const query = { tenant: tenants[side], event_id: id, endpoint_id: sides[side].endpointId };
      const { items } = (await admin('deliveries.list', { query })) as unknown as { items: Body[] };
      return { id, deliveryId: marked(side, items[0]!) };
    },
    redrive: async (side) => {
      const filter = { tenant: tenants[side], endpoint_id: sides[side].endpointId };
      return marked(side, await admin('redrives.create', { body: { filter, rate_per_s: 0.001 } }));
    },
    droppedGroup: async (side) => {
      const params = { id: sides[side].endpointId };
      await admin('endpoints.pause', { params, body: {} });
      const event = { tenant: tenants[side], type: `${type}.${side}`, data: { n: ++count } };
      marked(side, await admin('events.publish', { body: event }));
      await admin('endpoints.resume', { params });
      return `suppressed.${params.id}.-.-`;
    },
    replay: async (side) => {
      const filter = { tenant: tenants[side], endpoint_id: sides[side].endpointId, state: 'cancelled' };
      return marked(side, await admin('replays.create', { body: { filter } }));
    },
    alert: async (side) => {
      const id = `alr_${name()}`;
      const now = Date.now();
      const alert: Alert = {
        id,
        rule: 'endpoint_down',
        group: `${sides[side].endpointId}/${name()}`,
        severity: 'ticket',
        state: 'firing',
        owner,
        summary: `of ${id}`,
        evidence: {},
        since: now,
        resolvedAt: null,
        acknowledgedAt: null,
        notifiedAt: now,
        notifiedSeverity: 'ticket',
      };
      for (;;) {
        const { version } = await store.read.alerts();
        const step = { version, changed: [alert], forgotten: [], notifications: [], now };
        if (await store.write.saveAlerts(step)) return marked(side, { id });
      }
    },
    key: async (side) =>
      marked(
        side,
        await admin('keys.create', { body: { name: name(), scopes: ['read'], tenant: tenants[side] } }),
      ),
  };
}
