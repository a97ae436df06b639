import type { BulkFilter } from '../../parts/bulk-action.ts';
import type { Search } from '../../url.ts';

// The filters of the page are those of the API, in the URL under the same names.

export const filterNames = [
  'state',
  'endpoint_id',
  'owner',
  'event_type',
  'error_class',
  'status_code',
  'late',
  'min_value',
  'currency',
  'ordering_key',
  'event_id',
  'redrive_id',
  'tenant',
] as const;
export type FilterName = (typeof filterNames)[number];
export type Filters = Partial<Readonly<Record<FilterName, string>>>;

export const filterLabels: Readonly<Record<FilterName, string>> = {
  state: 'state',
  endpoint_id: 'endpoint',
  owner: 'owner',
  event_type: 'type',
  error_class: 'why',
  status_code: 'status',
  late: 'late',
  min_value: 'worth at least',
  currency: 'currency',
  ordering_key: 'ordering key',
  event_id: 'event',
  redrive_id: 'redrive or replay',
  tenant: 'tenant',
};

export const stateNames = ['pending', 'delivered', 'dead', 'suppressed', 'cancelled'] as const;
export const classNames = [
  'timeout',
  'connect',
  'dns',
  'tls',
  'reset',
  'blocked_address',
  'proxy',
  'token',
  'http_4xx',
  'http_5xx',
  'rate_limited',
  'gone',
  'redirect',
  'protocol',
  'internal',
  'corrupt',
  'transformation',
  'secrets',
] as const;

/** What is known by its own id is looked for further back than what is like many others. */
export const usualLast = (filters: Filters): string =>
  filters.event_id !== undefined || filters.ordering_key !== undefined || filters.redrive_id !== undefined
    ? '30d'
    : '24h';

/** The filters that a URL names. */
export function filtersFrom(search: Search): Filters {
  return Object.fromEntries(
    filterNames.flatMap((name) => {
      const value = search[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}

/** Those by which counters stand: a count of what they match needs no search. */
const counted: ReadonlySet<string> = new Set<FilterName>([
  'endpoint_id',
  'owner',
  'event_type',
  'tenant',
  'state',
]);

export const isCounted = (filters: Filters): boolean =>
  Object.keys(filters).every((name) => counted.has(name));

/** `dead or pending, timeout`: a filter as it is read out. */
export function filterWords(filters: Filters): string {
  const list = (value: string): string => value.split(',').join(' or ');
  const special: Partial<Record<FilterName, (value: string) => string>> = {
    state: (value) => list(value.replace('dead', 'dead letters')),
    late: (value) => (value === 'true' ? 'late' : 'not late'),
    endpoint_id: (value) => `at ${list(value)}`,
    min_value: (value) => `worth at least ${value} minor units`,
    error_class: list,
  };
  const textFor = (name: FilterName, value: string): string =>
    special[name]?.(value) ?? `${filterLabels[name]} ${list(value)}`;
  return filterNames
    .flatMap((name) => (filters[name] === undefined ? [] : [textFor(name, filters[name])]))
    .join(', ');
}

/** Counts by buckets of time, for a histogram of rows that were found. */
export function bucketsOf(
  rows: readonly { readonly created_at: string; readonly state: string }[],
  { since, until }: { readonly since: number; readonly until: number },
  count = 48,
): {
  readonly times: readonly number[];
  readonly stepMs: number;
  readonly byState: ReadonlyMap<string, readonly number[]>;
} {
  const stepMs = Math.max(1000, Math.ceil((until - since) / count));
  const times = Array.from({ length: count }, (_, index) => since + index * stepMs);
  const byState = new Map<string, number[]>();
  for (const { created_at: at, state } of rows) {
    const index = Math.floor((Date.parse(at) - since) / stepMs);
    if (index < 0 || index >= count) continue;
    let counts = byState.get(state);
    if (counts === undefined) byState.set(state, (counts = Array.from({ length: count }, () => 0)));
    counts[index]!++;
  }
  return { times, stepMs, byState };
}

/** Filters that a redrive or a replay of many takes too. */
const bulkNames = ['tenant', 'endpoint_id', 'event_id', 'event_type', 'state', 'error_class'] as const;

/** The filter of a redrive or a replay of everything that a list shows, or why there is none. */
export function bulkFilter(
  query: Readonly<Record<string, string>>,
  kind: 'redrive' | 'replay' = 'redrive',
): BulkFilter | string {
  const unknown = filterNames.filter(
    (name) =>
      query[name] !== undefined && name !== 'status_code' && !bulkNames.some((known) => known === name),
  );
  if (unknown.length > 0)
    return `A ${kind} cannot go by ${unknown.map((name) => filterLabels[name]).join(' and ')}: take that filter out.`;
  const states = query['state']?.split(',');
  const dropped = states?.filter((state) => state === 'dead' || state === 'suppressed');
  if (kind === 'redrive' && dropped?.length === 0)
    return 'Only dead letters and suppressed deliveries are redriven.';
  const { since, until, status_code: codes } = query;
  return {
    ...Object.fromEntries(
      bulkNames.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name].split(',')]])),
    ),
    ...(kind === 'replay' ? {} : { state: dropped ?? ['dead', 'suppressed'] }),
    ...(codes === undefined ? {} : { status_code: codes.split(',').map(Number) }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}
