import type { Answer } from '../contract/table.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import { notFound, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import { beginRedrive } from '../store/redrives.ts';
import type {
  BulkKind,
  DeliveryFilter,
  RedriveOutcome,
  RedriveQuery,
  RedriveRecord,
  StoreRead,
} from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { wireFilter } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Call } from './handler.ts';
import { decodeCursor, invalidCursor, type Page, pageRead } from './paging.ts';
import { wireMoney } from './wire.ts';

const prefixes = { redrive: 'rdr', replay: 'rpl' } as const satisfies Record<BulkKind, string>;

export interface BulkInput {
  readonly filter: DeliveryFilter;
  readonly target: string | null;
  readonly name?: string | undefined;
  readonly rate_per_s?: number | null | undefined;
  readonly dry_run: boolean;
}

/** A job as an answer shows it, except how many it has done. */
type WireJob = Omit<Answer<'redrives.get'>, 'redriven'>;

interface JobPage {
  readonly items: readonly RedriveRecord[];
  readonly next_cursor: string | null;
}

interface JobQuery extends Required<Pick<Page, 'limit' | 'order'>> {
  readonly cursor?: string | undefined;
  readonly tenant?: readonly string[] | undefined;
  readonly endpoint_id?: readonly string[] | undefined;
}

/** Bulk jobs: durable and concurrent; listed, changed and stopped. A redrive and a replay differ in what a step does. */
export interface BulkJobs {
  create(input: BulkInput, call: Call): Promise<RedriveRecord>;
  list(query: JobQuery): Promise<JobPage>;
  get(id: string): Promise<RedriveRecord>;
  update(
    id: string,
    change: { readonly name?: string | null | undefined; readonly rate_per_s?: number | null | undefined },
    call: Call,
  ): Promise<RedriveRecord>;
  stop(id: string, call: Call): Promise<RedriveRecord>;
  /** As answers show them, with the outcomes of their deliveries. */
  shown<Shown>(
    jobs: readonly RedriveRecord[],
    show: (job: RedriveRecord, wire: WireJob) => Shown,
  ): Promise<Shown[]>;
}

type BulkDependencies = Pick<ServiceDependencies, 'store' | 'engine' | 'clock' | 'random'>;

const resources: Readonly<Record<BulkKind, 'redrives' | 'replays'>> = {
  redrive: 'redrives',
  replay: 'replays',
};

export function bulkJobs(deps: BulkDependencies, kind: BulkKind): BulkJobs {
  const { store, engine, clock } = deps;
  const missing = (): PosthornError => notFound(`${kind} by that id`);

  const find = async (id: string): Promise<RedriveRecord> => {
    const job = await store.read.redrive(id);
    if (job === null || job.kind !== kind) throw missing();
    return job;
  };

  /** The store adds what it changes. */
  const commandEntry = async (id: string, verb: 'update' | 'stop', call: Call): Promise<AuditEntry> => {
    const job = await find(id);
    const tenant = await jobTenant(store.read, job.filter);
    const target = { kind, id };
    return auditEntry(call, clock.now(), { action: `${resources[kind]}.${verb}`, target, tenant });
  };

  return {
    create: async (input, call) => await createJob(deps, kind, input, call),

    list: async (query) => await listJobs(store.read, kind, query),

    get: find,

    update: async (id, { name, rate_per_s: ratePerS }, call) => {
      const audit = await commandEntry(id, 'update', call);
      const changed = await store.write.changeRedrive(
        id,
        {
          ...(name === undefined ? {} : { name }),
          ...(ratePerS === undefined ? {} : { ratePerS }),
        },
        audit,
      );
      if (changed === 'not_found') throw missing();
      if (changed === 'ended')
        throw new PosthornError(
          'wrong_state',
          `This ${kind} has ended. Start another one with the rate you want.`,
        );
      engine.wake([]);
      return changed;
    },

    stop: async (id, call) => {
      const audit = await commandEntry(id, 'stop', call);
      const job = await store.write.stopRedrive(id, clock.now(), audit);
      if (job === null) throw missing();
      if (job.state === 'done')
        throw new PosthornError('wrong_state', `This ${kind} is done, so it cannot be stopped.`);
      engine.wake([]);
      return job;
    },

    shown: async (jobs, show) => await showJobs(store.read, jobs, show),
  };
}

async function listJobs(
  read: StoreRead,
  kind: BulkKind,
  { tenant: tenants, endpoint_id: references, limit, cursor, order }: JobQuery,
): Promise<JobPage> {
  const after = decodeCursor(cursor);
  if (after !== null && !new RegExp(`^${prefixes[kind]}_\\w{1,64}$`).test(after)) throw invalidCursor();
  const query: RedriveQuery = {
    kind,
    after,
    limit: limit + 1,
    order,
    ...(tenants === undefined ? {} : { tenants }),
    ...(references === undefined ? {} : { endpointIds: await endpointIdsFrom(read, references, tenants) }),
  };
  return pageRead(await read.redrives(query), limit, ({ id }) => id);
}

/** Shows jobs with the outcomes of their deliveries. */
async function showJobs<Shown>(
  read: StoreRead,
  jobs: readonly RedriveRecord[],
  show: (job: RedriveRecord, wire: WireJob) => Shown,
): Promise<Shown[]> {
  const taken = jobs.filter(({ redriven }) => redriven > 0).map(({ id }) => id);
  const outcomes = taken.length === 0 ? [] : await read.redriveOutcomes(taken);
  return jobs.map((job) =>
    show(
      job,
      wireJob(
        job,
        outcomes.find(({ id }) => id === job.id),
      ),
    ),
  );
}

/** The endpoints that are throttled and may have deliveries of this job. */
async function throttledBy(
  { store, engine }: Pick<BulkDependencies, 'store' | 'engine'>,
  { filter, target }: BulkInput,
): Promise<readonly string[]> {
  const { endpointIds, tenants, exceptTenant } = filter;
  if (target !== null) return [target];
  const found: string[] = [];
  for (const id of endpointIds ?? engine.status().throttled) {
    const tenant = (await store.read.endpoint(id))?.tenant;
    if (tenant !== undefined && tenant !== exceptTenant && tenants?.includes(tenant) !== false)
      found.push(id);
  }
  return found;
}

async function createJob(
  deps: BulkDependencies,
  kind: BulkKind,
  input: BulkInput,
  call: Call,
): Promise<RedriveRecord> {
  const { store, engine, clock, random } = deps;
  const { filter, target, name = null, rate_per_s: ratePerS = null, dry_run: dryRun } = input;
  // Read before anything is stored: an error after that would claim that nothing was (G5).
  const throttled = dryRun ? [] : await throttledBy(deps, input);
  const now = clock.now();
  const id = timeOrderedId(prefixes[kind], now, random.bytes(12));
  const audit = auditEntry(call, now, {
    action: `${resources[kind]}.create`,
    target: { kind, id },
    tenant: await jobTenant(store.read, filter),
    after: {
      name,
      filter: wireFilter(filter),
      ...(target === null ? {} : { endpoint_id: target }),
      rate_per_s: ratePerS,
      dry_run: dryRun,
    },
  });
  const { kind: by, id: byId, name: byName } = call.caller;
  const job = await beginRedrive(
    store,
    { id, kind, name, filter, target, ratePerS, dryRun, by: { kind: by, id: byId, name: byName }, now },
    audit,
  );
  // The operator wants it now: Retry-After throttles end.
  await engine.clearThrottles(throttled);
  engine.wake([]);
  return job;
}

/** The tenant of a job about a single one: from its filter, or from the endpoints that it names. */
async function jobTenant(
  store: Pick<StoreRead, 'endpoint'>,
  { tenants, endpointIds }: DeliveryFilter,
): Promise<string | null> {
  const found = new Set(tenants);
  if (tenants === undefined)
    for (const id of endpointIds ?? []) {
      const endpoint = await store.endpoint(id);
      if (endpoint !== null) found.add(endpoint.tenant);
    }
  const [first = null, ...others] = found;
  return others.length === 0 ? first : null;
}

function wireJob(job: RedriveRecord, outcome: RedriveOutcome | undefined): WireJob {
  const { delivered = 0, pending = 0, dead = 0 } = outcome?.states ?? {};
  return {
    id: job.id,
    name: job.name,
    by: job.by === null ? null : { kind: job.by.kind, name: job.by.name },
    state: job.state,
    stop_reason: job.stopReason,
    matched: job.matched,
    skipped: job.skipped,
    // A step may commit between the two reads.
    outcome: { delivered, pending, dead, other: Math.max(0, job.redriven - delivered - pending - dead) },
    value: job.value.map(wireMoney),
    oldest_at: isoOrNull(job.oldestAt),
    newest_at: isoOrNull(job.newestAt),
    keys_held: job.keysHeld,
    endpoints: job.endpoints,
    by_endpoint: job.byEndpoint.map(({ endpointId, matched, value }) => ({
      endpoint_id: endpointId,
      matched,
      value: value.map(wireMoney),
    })),
    filter: wireFilter(job.filter),
    dry_run: job.dryRun,
    rate_per_s: job.ratePerS,
    created_at: iso(job.createdAt),
    finished_at: isoOrNull(job.finishedAt),
  };
}
