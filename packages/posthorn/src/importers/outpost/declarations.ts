import { isReservedHeader } from '../../domain/header-names.ts';
import { importedName } from '../../domain/imported.ts';
import type { Declarations, Remark } from '../declarations.ts';
import { type FilterAnswer, translatedRemark, translateFilter } from '../filters.ts';
import { isEndpointName, isTenant, oddType, secretFromText, standardSecret } from '../shared-fields.ts';
import type { Stored, StoredDestination } from './source.ts';

/** How the server signs: by a header of its own, or by Standard Webhooks. */
export type WebhookMode = 'default' | 'standard';

interface Options {
  readonly mode: WebhookMode;
  /** The prefix of the server's headers, such as `webhook-`. */
  readonly headerPrefix: string;
}

/** A filter on the data alone: Posthorn's filters do not see an event's id, topic, time or metadata. */
function filterFrom(given: unknown): FilterAnswer {
  if (typeof given !== 'object' || given === null) return translateFilter(null);
  const other = Object.keys(given).find((name) => name !== 'data');
  if (other !== undefined) return { fault: `it filters by ${other}, and Posthorn by the data alone` };
  return translateFilter((given as { readonly data?: unknown }).data);
}

/** Headers that every request has; null: they cannot be read. Those that only Posthorn sets are left out. */
function headersFrom(
  { config, deliveryMetadata }: StoredDestination,
  { headerPrefix }: Options,
): { readonly headers: Readonly<Record<string, string>>; readonly leftOut: readonly string[] } | null {
  let custom: unknown;
  try {
    custom = JSON.parse(config['custom_headers'] || '{}');
  } catch {
    return null;
  }
  if (typeof custom !== 'object' || custom === null) return null;
  const metadata = Object.entries(deliveryMetadata).map(([name, value]) => [headerPrefix + name, value]);
  const all = [...Object.entries(custom), ...metadata].map(
    ([name, value]) => [String(name).toLowerCase(), String(value)] as const,
  );
  const headers = Object.fromEntries(all.filter(([name]) => !isReservedHeader(name)));
  return { headers, leftOut: all.map(([name]) => name).filter(isReservedHeader) };
}

function faultOf({ type, topics, config, id }: StoredDestination): string | null {
  if (type !== 'webhook') return `it is of the type ${type}, and Posthorn sends webhooks`;
  if (!isEndpointName(importedName(id))) return 'its id is not a name that Posthorn takes';
  if (!URL.canParse(config['url'] ?? '')) return 'its URL is missing or broken';
  const odd = oddType(topics);
  return odd === undefined ? null : `the topic ${odd} is not a type that Posthorn takes`;
}

interface Signing {
  readonly fields: object;
  readonly remark: string | null;
}

function signingOf({ credentials }: StoredDestination, { mode, headerPrefix }: Options): Signing {
  const stored = credentials['secret'] ?? '';
  const secret = mode === 'standard' ? standardSecret(stored) : secretFromText(stored);
  if (secret === null)
    return { fields: {}, remark: 'a new secret is generated: its own is missing, or not of 24 to 75 bytes' };
  if (mode === 'standard') {
    const prefix = headerPrefix.replace(/-$/, '');
    const own = prefix === 'webhook' ? {} : { header_prefixes: [prefix, 'webhook'] };
    return { fields: { secret, ...own }, remark: null };
  }
  return {
    fields: { secret },
    remark:
      'it keeps its secret, but not the signature header of Outpost: verify webhook-signature with the same secret',
  };
}

/** Declares what Outpost has as Posthorn's tenants and endpoints. */
export function declarationsFrom(stored: Stored, options: Options): Declarations {
  const skipped: Remark[] = [...stored.faults];
  const changed: Remark[] = [];
  const tenants: Record<string, object> = {};
  const endpoints: Record<string, object> = {};
  for (const { id, metadata } of stored.tenants)
    if (isTenant(id)) tenants[id] = { metadata };
    else
      skipped.push({ kind: 'tenant', id, reason: 'its id is not a name that Posthorn takes for a tenant' });
  for (const destination of stored.destinations) {
    const { id, tenant, config, topics, disabled } = destination;
    const remark = (list: Remark[], reason: string): void =>
      void list.push({ kind: 'destination', id, reason });
    // It is named with its tenant.
    if (!(tenant in tenants)) continue;
    const filter = filterFrom(destination.filter);
    const sent = headersFrom(destination, options);
    const fault =
      faultOf(destination) ??
      ('fault' in filter ? filter.fault : sent === null ? 'its custom headers are not readable' : null);
    if (fault !== null || 'fault' in filter || sent === null) {
      remark(skipped, fault ?? '');
      continue;
    }
    const signing = signingOf(destination, options);
    if (signing.remark !== null) remark(changed, signing.remark);
    if (sent.leftOut.length > 0)
      remark(changed, `without its headers ${sent.leftOut.join(', ')}, which Posthorn sets`);
    if (filter.filter !== null) remark(changed, translatedRemark);
    endpoints[`${tenant}/${importedName(id)}`] = {
      tenant,
      url: config['url'],
      event_types: topics,
      enabled: !disabled,
      body: 'data',
      ...(Object.keys(sent.headers).length === 0 ? {} : { headers: sent.headers }),
      ...(filter.filter === null ? {} : { filter: filter.filter }),
      metadata: { outpost_destination: id },
      ...signing.fields,
    };
  }
  return { document: { tenants, event_types: {}, endpoints }, skipped, changed };
}
