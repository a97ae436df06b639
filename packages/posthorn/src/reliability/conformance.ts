import { alertTenant } from '../domain/alert.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { subscribes } from '../domain/endpoint.ts';
import type { ScopedObjective } from '../domain/objective.ts';

type Lack = 'template' | 'slo' | 'owner' | 'declaration';

export interface NonConforming {
  readonly kind: 'endpoint' | 'event_type';
  readonly id: string;
  readonly tenant: string | null;
  /** As declared; null also if the declared team does not exist. */
  readonly owner: string | null;
  readonly missing: readonly Lack[];
}

export interface Conformance {
  /** How many endpoints and event types were checked. */
  readonly total: number;
  readonly items: readonly NonConforming[];
}

/**
 * Returns what lacks a template, an objective or an owner. `seen` are types published recently, `declared` those with a
 * document.
 */
export function checkConformance(facts: {
  readonly endpoints: readonly Endpoint[];
  readonly objectives: readonly ScopedObjective[];
  readonly seen: readonly string[];
  readonly declared: ReadonlyMap<string, { readonly owner: string | null; readonly template: string | null }>;
  readonly teams: ReadonlySet<string>;
}): Conformance {
  const ofOwner = (owner: string | null): Lack[] =>
    owner !== null && facts.teams.has(owner) ? [] : ['owner'];
  const covered = new Set(facts.objectives.flatMap(({ endpoints }) => endpoints.map(({ id }) => id)));
  const endpoints = facts.endpoints
    .filter(({ tenant }) => tenant !== alertTenant)
    .map(({ id, tenant, template, owner }): NonConforming => ({
      kind: 'endpoint',
      id,
      tenant,
      owner,
      missing: [
        ...(template === null ? (['template'] as const) : []),
        ...(covered.has(id) ? [] : (['slo'] as const)),
        ...ofOwner(owner),
      ],
    }));
  // Posthorn's own types need no declaration; '' counts events from before types were recorded.
  const types = [...new Set([...facts.declared.keys(), ...facts.seen])]
    .filter((type) => type !== '' && !type.startsWith('posthorn.'))
    .map((type): NonConforming => {
      const document = facts.declared.get(type);
      const owner = document?.owner ?? null;
      const watched = facts.objectives.some(
        ({ template, eventTypes }) => template === null && subscribes(eventTypes, type),
      );
      return {
        kind: 'event_type',
        id: type,
        tenant: null,
        owner,
        missing: [
          ...(document === undefined ? (['declaration'] as const) : []),
          ...((document?.template ?? null) === null ? (['template'] as const) : []),
          ...(watched ? [] : (['slo'] as const)),
          ...ofOwner(owner),
        ],
      };
    });
  const all = [...endpoints, ...types];
  return { total: all.length, items: all.filter(({ missing }) => missing.length > 0) };
}
