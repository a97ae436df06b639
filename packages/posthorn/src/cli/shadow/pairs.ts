import type { Client, ListedEndpoint } from '@posthorn/client';
import { isImportedName } from '../../domain/imported.ts';
import { everyItem } from '../listing.ts';
import { CommandError } from '../output.ts';
import type { OtherEndpoint } from './other-sender.ts';

/** An endpoint that both senders have. */
export interface Pair {
  readonly own: ListedEndpoint;
  readonly other: OtherEndpoint;
}

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Endpoints that only one of them has: of Posthorn, and of the other sender. */
  readonly onlyOwn: readonly ListedEndpoint[];
  readonly onlyOther: readonly OtherEndpoint[];
}

const sameUrl = (a: string, b: string | null): boolean =>
  b !== null && URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href;

/**
 * Whether the tenants agree. A name that an import made has an id of the other sender, so it needs none: its tenants may be others, as
 * projects are where Posthorn has their owners.
 */
const inTenant = ({ tenant, name }: ListedEndpoint, other: OtherEndpoint): boolean =>
  other.tenant === null ||
  other.tenant === tenant ||
  (name !== null && isImportedName(name) && other.names.includes(name));

/**
 * Finds each endpoint's counterpart: the one that the operator named, by name or id, or else by its URL if only one has it.
 */
export function pairEndpoints(
  own: readonly ListedEndpoint[],
  others: readonly OtherEndpoint[],
  named: ReadonlyMap<string, string> = new Map(),
): Pairs {
  const free = new Set(others);
  const found = new Map<ListedEndpoint, OtherEndpoint>();
  const pass = (fits: (one: ListedEndpoint, other: OtherEndpoint) => boolean): void => {
    for (const one of own) {
      if (found.has(one)) continue;
      const candidates = [...free].filter((other) => inTenant(one, other) && fits(one, other));
      if (candidates.length !== 1) continue;
      found.set(one, candidates[0]!);
      free.delete(candidates[0]!);
    }
  };
  const wanted = ({ id }: ListedEndpoint): string | undefined => named.get(id);
  pass((one, { id, names }) => {
    const counterpart = wanted(one);
    return counterpart !== undefined && (id === counterpart || names.includes(counterpart));
  });
  const isFree = (one: ListedEndpoint): boolean => wanted(one) === undefined;
  pass(
    (one, { names }) =>
      isFree(one) && [one.id, one.name].some((name) => name !== null && names.includes(name)),
  );
  pass((one, other) => isFree(one) && sameUrl(one.url, other.url));
  return {
    pairs: [...found].map(([one, other]) => ({ own: one, other })),
    onlyOwn: own.filter((one) => !found.has(one)),
    onlyOther: [...free],
  };
}

interface Chosen {
  readonly endpoints: readonly ListedEndpoint[];
  /** By id, the counterparts that were named: `orders=ep_…`. */
  readonly named: ReadonlyMap<string, string>;
}

/** The endpoints that were named, or all of them. */
export async function chosenEndpoints(
  client: Client,
  references: readonly string[],
  tenant: string | undefined,
): Promise<Chosen> {
  const all = await everyItem((page) =>
    client.endpoints.list({ ...page, ...(tenant === undefined ? {} : { tenant: [tenant] }) }),
  );
  if (references.length === 0) return { endpoints: all, named: new Map() };
  const named = new Map<string, string>();
  const endpoints = references.map((text) => {
    const [reference = text, ...rest] = text.split('=');
    const fitting = all.filter(({ id, name }) => id === reference || name === reference);
    if (fitting.length === 0) throw new CommandError(`there is no endpoint ${reference}`, 2);
    if (fitting.length > 1)
      throw new CommandError(`several tenants have an endpoint ${reference}: give --tenant`, 2);
    if (rest.length > 0) named.set(fitting[0]!.id, rest.join('='));
    return fitting[0]!;
  });
  return { endpoints, named };
}
