import type { Item } from '../../api.ts';
import type { Money } from '../../parts/money.ts';

export type Endpoint = Item<'endpoints.list'>;

export interface TeamRow {
  readonly name: string;
  readonly description: string;
  readonly types: number;
  readonly endpoints: number;
  readonly failing: number;
  readonly dead: number;
  readonly worth: readonly Money[];
  readonly kept: number;
  readonly objectives: number;
  readonly alerts: number;
  /** How much of what the team owns has a template, an objective and an owner. */
  readonly conforming: number;
  readonly owned: number;
}

export interface Declared {
  readonly teams: readonly Item<'teams.list'>[];
  readonly types: readonly Item<'eventTypes.list'>[];
  readonly endpoints: readonly Endpoint[];
  readonly slos: readonly Item<'slos.list'>[];
  readonly alerts: readonly Item<'alerts.list'>[];
  readonly lacking: readonly Item<'conformance.get'>[];
}

/** One row a team, those that need attention first. */
export function teamRows({ teams, types, endpoints, slos, alerts, lacking }: Declared): TeamRow[] {
  return teams
    .map(({ name, description }): TeamRow => {
      const own = endpoints.filter(({ owner }) => owner === name);
      const ownTypes = types.filter(({ owner }) => owner === name);
      const objectives = slos.filter(
        (slo) => !slo.built_in && (slo.producer === name || slo.consumer === name),
      );
      const owned = own.length + ownTypes.length;
      return {
        name,
        description,
        types: ownTypes.length,
        endpoints: own.length,
        failing: own.filter(({ health }) => health?.state === 'failing').length,
        dead: own.reduce((sum, { health }) => sum + (health?.dead ?? 0), 0),
        worth: own.flatMap(({ health }) => health?.worth ?? []),
        kept: objectives.filter(({ status }) => status?.kept !== false).length,
        objectives: objectives.length,
        alerts: alerts.filter(({ owner }) => owner === name).length,
        conforming: owned - lacking.filter(({ owner }) => owner === name).length,
        owned,
      };
    })
    .toSorted(
      (a, b) => b.failing - a.failing || b.dead - a.dead || b.alerts - a.alerts || (a.name < b.name ? -1 : 1),
    );
}
