import type { Answer } from '../../contract/table.ts';
import { wireMoney } from '../wire.ts';
import type { Amounts } from './amounts.ts';
import type { NowEndpoint, NowFacts } from './facts.ts';
import { addLate, riskAmounts, riskCount } from './totals.ts';
import { plural } from './words.ts';

type Team = Answer<'now.get'>['teams'][number];

const levels = ['act', 'watch', 'well'] as const;

/** Counts of one team's endpoints, or of what it sends. */
interface TeamFacts {
  readonly endpoints: readonly NowEndpoint[];
  readonly dead: number;
  readonly suppressed: number;
  readonly late: number;
  readonly accepted: number;
  readonly sends: { readonly due: number; readonly bad: number } | undefined;
}

/** The state of a team, briefly: the worst first. */
function teamState({ endpoints, dead, suppressed, late, accepted, sends }: TeamFacts): {
  readonly level: Team['level'];
  readonly state: string;
} {
  const parts: string[] = [];
  if (dead > 0) parts.push(plural(dead, 'dead letter'));
  if (suppressed > 0) parts.push(`${suppressed.toLocaleString('en-US')} suppressed`);
  if (late > 0) parts.push(`${late.toLocaleString('en-US')} late`);
  if (parts.length > 0)
    return { level: dead + suppressed > 0 ? 'act' : 'watch', state: parts.slice(0, 2).join(', ') };
  const paused = endpoints.filter(({ isEnabled }) => !isEnabled).length;
  if (paused > 0)
    return {
      level: 'watch',
      state: paused === endpoints.length ? 'paused' : `${paused} of ${endpoints.length} paused`,
    };
  const failing = endpoints.filter(({ failingSince }) => failingSince !== null).length;
  if (failing > 0)
    return {
      level: 'watch',
      state: failing === endpoints.length ? 'failing' : `${failing} of ${endpoints.length} failing`,
    };
  if (sends !== undefined && sends.bad > 0)
    return { level: 'watch', state: `${plural(sends.bad, 'notification')} late or dropped by the sender` };
  if (endpoints.length === 0) return { level: 'well', state: 'everything it sends arrives' };
  return { level: 'well', state: accepted === 0 ? 'nothing to receive' : 'everything it receives arrives' };
}

/** Every team that receives or sends, the worst first. */
export function nowTeams(facts: NowFacts): Team[] {
  const byOwner = Map.groupBy(facts.endpoints.values(), ({ owner }) => owner);
  const names = new Set<string | null>([...byOwner.keys(), ...facts.budgets.keys(), ...facts.sends.keys()]);
  const rows = [...names].map((team): { row: Team; amounts: Amounts } => {
    const endpoints = byOwner.get(team) ?? [];
    const ids = new Set(endpoints.map(({ id }) => id));
    const worth = facts.worth.filter(({ endpointId }) => ids.has(endpointId));
    const pending = facts.pending.parts.filter(({ endpointId }) => ids.has(endpointId));
    const dead = riskCount(worth, 'dead');
    const suppressed = riskCount(worth, 'suppressed');
    const late = pending.reduce((sum, part) => sum + part.late, 0);
    const accepted = endpoints.reduce((sum, { id }) => sum + (facts.counters.get(id)?.accepted ?? 0), 0);
    const sends = team === null ? undefined : facts.sends.get(team);
    const amounts = addLate(riskAmounts(worth, ['dead', 'suppressed']), pending);
    const budget = team === null ? undefined : facts.budgets.get(team);
    const row = {
      team,
      ...teamState({ endpoints, dead, suppressed, late, accepted, sends }),
      dead,
      suppressed,
      late_pending: late,
      at_risk: amounts.list().map(wireMoney),
      budget_left: budget?.left ?? null,
      objective: budget?.objective ?? null,
    };
    return { row, amounts };
  });
  return rows
    .map(({ row }) => row)
    .toSorted(
      (a, b) =>
        levels.indexOf(a.level) - levels.indexOf(b.level) ||
        b.dead + b.suppressed + b.late_pending - (a.dead + a.suppressed + a.late_pending) ||
        (a.team === null ? 1 : b.team === null ? -1 : a.team < b.team ? -1 : 1),
    );
}
