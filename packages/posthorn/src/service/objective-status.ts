import type { Answer } from '../contract/table.ts';
import type { FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { wilson } from '../domain/statistics.ts';
import { dayMs, iso, secondMs } from '../domain/time.ts';
import type { DomainStatus, ObjectiveStatus } from '../reliability/objective-status.ts';
import { type ObjectiveWindow, objectiveWindow } from '../reliability/objective-window.ts';
import { objectiveSentence, sideSentence, type SideFacts } from '../reliability/objective-words.ts';

// The status of an objective, in the API's form.

export type Status = Answer<'slos.status'>;
type Side = Status['sides']['sender'];
type Sides<T> = { readonly [Domain in FaultDomain]: T };

const maxWorst = 10;

/** The current burn rate is that of the rule with this long window. */
const paceMs = 3600 * secondMs;

const shareOrNull = (good: number, total: number): number | null => (total === 0 ? null : good / total);

export function wireWindow({ since, until, resolution, knownSince }: ObjectiveWindow): Status['window'] {
  return { since: iso(since), until: iso(until), resolution, known_since: iso(knownSince) };
}

/** For the kind `delivered_within`. */
export function timedStatus(objective: ScopedObjective, status: ObjectiveStatus, now: number): Status {
  const window = objectiveWindow(objective, now);
  const facts = {
    sender: sideFacts(objective, status, 'sender', window),
    receiver: sideFacts(objective, status, 'receiver', window),
  };
  return wireStatus(objective, window, status.good, status.due, facts, {
    sender: wireSide(objective, status, facts.sender, window),
    receiver: wireSide(objective, status, facts.receiver, window),
  });
}

/** For the kind `accounted`: what was accepted and is in no state is the sender's fault alone. */
export function accountedStatus(objective: ScopedObjective, total: number, bad: number, now: number): Status {
  const window = objectiveWindow(objective, now);
  const sli = shareOrNull(total - bad, total);
  const side = (domain: FaultDomain, spoiled: number): { facts: SideFacts; wire: Side } => {
    const left = sli === null ? null : spoiled === 0 ? 1 : 0;
    const lastsMs = left === 0 ? 0 : null;
    const facts = {
      side: domain,
      team: sideTeam(objective, domain),
      budgetRemaining: left,
      pace: 0,
      lastsMs,
    };
    return {
      facts,
      wire: {
        team: facts.team,
        bad: spoiled,
        sli: sli === null ? null : shareOrNull(total - spoiled, total),
        budget_remaining: left,
        budget: 0,
        burn: [],
        lasts_s: lastsMs,
        sentence: sideSentence(facts, objective.windowMs),
        slow_leak: false,
        endpoints: [],
      },
    };
  };
  const [sender, receiver] = [side('sender', bad), side('receiver', 0)];
  return wireStatus(
    objective,
    window,
    total - bad,
    total,
    { sender: sender.facts, receiver: receiver.facts },
    { sender: sender.wire, receiver: receiver.wire },
  );
}

function wireStatus(
  objective: ScopedObjective,
  window: ObjectiveWindow,
  good: number,
  total: number,
  facts: Sides<SideFacts>,
  sides: Status['sides'],
): Status {
  const { name, kind, target, windowMs } = objective;
  const sli = shareOrNull(good, total);
  const kept = sli === null || sli >= target;
  return {
    name,
    objective: kind,
    target,
    window_days: windowMs / dayMs,
    template: objective.template,
    endpoints: objective.endpoints.length,
    kept,
    sli,
    sli_interval: wilson(good, total),
    sentence: objectiveSentence({
      kind,
      target,
      kept,
      good,
      total,
      windowMs,
      knownMs: window.until - window.knownSince,
      sides: [facts.sender, facts.receiver],
    }),
    window: wireWindow(window),
    good,
    total,
    sides,
  };
}

const sideTeam = ({ producer, consumer }: ScopedObjective, side: FaultDomain): string | null =>
  side === 'sender' ? producer : consumer;

/**
 * How long the rest of a budget lasts at a burn rate. Over a young window, the budget is that of what was due so far,
 * and its rest lasts for less.
 */
function lastsMs(left: number | null, rate: number, { until, knownSince }: ObjectiveWindow): number | null {
  if (left === null || rate === 0) return null;
  return Math.max(0, (left * (until - knownSince)) / rate);
}

function sideFacts(
  objective: ScopedObjective,
  { by }: ObjectiveStatus,
  side: FaultDomain,
  window: ObjectiveWindow,
): SideFacts {
  const { burn, budgetRemaining } = by[side];
  const pace = burn.find(({ rule }) => rule.longMs === paceMs)?.rateLong ?? 0;
  return {
    side,
    team: sideTeam(objective, side),
    budgetRemaining,
    pace,
    lastsMs: budgetRemaining !== null && budgetRemaining <= 0 ? 0 : lastsMs(budgetRemaining, pace, window),
  };
}

const inSeconds = (ms: number | null): number | null => (ms === null ? null : Math.round(ms / secondMs));

/** `5m`, `6h`, `3d`. */
function span(ms: number): string {
  const minutes = ms / 60_000;
  return minutes < 60 ? `${minutes}m` : minutes < 1440 ? `${minutes / 60}h` : `${minutes / 1440}d`;
}

function wireSide(
  { target, windowMs }: ScopedObjective,
  { due, by, worst }: ObjectiveStatus,
  facts: SideFacts,
  window: ObjectiveWindow,
): Side {
  const { side: domain, team } = facts;
  const { bad, sli, budgetRemaining, burn, leaks }: DomainStatus = by[domain];
  return {
    team,
    bad,
    sli,
    budget_remaining: budgetRemaining,
    budget: due * (1 - target),
    lasts_s: inSeconds(facts.lastsMs),
    sentence: sideSentence(facts, windowMs),
    burn: burn.map(({ rule, rateLong, rateShort, evidence }) => ({
      rule: rule.name,
      severity: rule.severity,
      long: span(rule.longMs),
      short: span(rule.shortMs),
      factor: rule.factor,
      rate_long: rateLong,
      rate_short: rateShort,
      lasts_s: inSeconds(lastsMs(budgetRemaining, rateLong, window)),
      firing: evidence.firing,
    })),
    slow_leak: leaks.some(({ evidence }) => evidence.firing),
    endpoints: worst
      .filter(({ counts }) => counts.badBy[domain] > 0)
      .toSorted((a, b) => b.counts.badBy[domain] - a.counts.badBy[domain])
      .slice(0, maxWorst)
      .map(({ endpointId, counts }) => ({
        endpoint_id: endpointId,
        bad: counts.badBy[domain],
        total: counts.due,
      })),
  };
}
