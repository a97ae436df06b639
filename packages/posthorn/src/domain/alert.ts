import { isEndpointId } from './ids.ts';

/** Posthorn's own notifications belong to this tenant; no other publisher uses it. */
export const alertTenant = 'posthorn';

/** `pending`: true for the first time, and given a moment to pass. `resolved`: true no longer. */
export const alertStates = ['pending', 'firing', 'resolved'] as const;
export type AlertSeverity = 'page' | 'ticket';

export interface Acknowledgement {
  readonly by: string;
  readonly note: string | null;
  readonly until: number | null;
}

/** One notification about an alert. */
export interface AlertNotification {
  /** Teams that were notified; none without an owner, or if its owner does not have a channel. */
  readonly teams: readonly string[];
  readonly channel: string;
  readonly at: number;
  /** The state of the alert that it says. */
  readonly says: 'firing' | 'resolved';
  /** Id of the event that is delivered to the channel. */
  readonly eventId: string;
}

const maxNotificationsKept = 20;

/** One rule and one group of what it speaks of: an alert, as it is stored. Times in ms since the epoch. */
export interface Alert {
  readonly id: string;
  readonly rule: string;
  /** What the rule found it in: an endpoint and a failure class, a table, nothing. */
  readonly group: string;
  readonly severity: AlertSeverity;
  readonly state: (typeof alertStates)[number];
  /** The team that owns what is wrong, where one is known. */
  readonly owner: string | null;
  /** Teams that are notified besides the owner. */
  readonly alsoNotify?: readonly string[];
  /** Host of the endpoint that it is about. */
  readonly host?: string;
  /** Id of the alert under which channels know it: alerts of one rule, host and owner are one incident. */
  readonly incident?: string;
  readonly summary: string;
  /** Counts, ids, money at risk, and the next step: what a person needs who was just woken. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** When it became true. */
  readonly since: number;
  /** When it began to fire; null: not yet. Alerts that were stored by an older Posthorn do not say. */
  readonly firedAt?: number | null;
  readonly resolvedAt: number | null;
  readonly acknowledgedAt: number | null;
  /** Who acknowledged it, what they said of it, and until when; null: until it is over. Only where it was acknowledged. */
  readonly acknowledgement?: Acknowledgement;
  /** Who was notified, the oldest first; at most the newest `maxNotificationsKept`. */
  readonly notifications?: readonly AlertNotification[];
  /** When it was last notified, and with which severity; null: not yet. */
  readonly notifiedAt: number | null;
  readonly notifiedSeverity: AlertSeverity | null;
  /** The stage that was last notified, if it gets worse in stages. */
  readonly notifiedStage?: string;
}

/** The endpoint that an alert is about; null: about something else, or about everything. */
export function alertEndpoint({ group }: Pick<Alert, 'group'>): string | null {
  const [first = ''] = group.split('/');
  return isEndpointId(first) ? first : null;
}

/** What a rule finds to be true now. */
export interface Condition {
  readonly rule: string;
  readonly group: string;
  readonly severity: AlertSeverity;
  readonly owner: string | null;
  readonly alsoNotify?: readonly string[];
  readonly host?: string;
  readonly summary: string;
  readonly evidence: Readonly<Record<string, unknown>>;
  /** True while another alert covers it: it is kept, and not notified. */
  readonly inhibited?: boolean;
  /** Delay before the first notification, ms. */
  readonly waitMs: number;
  /** The stage, if it gets worse in stages over weeks: each is notified, and not repeated every few hours in between. */
  readonly stage?: string;
}

export interface AlertTiming {
  /** While it keeps firing, it is notified again after this long, unless it is acknowledged. */
  readonly repeatMs: number;
  /** What joins an incident is notified this long after its last notification, together with what else has joined. */
  readonly joinMs: number;
  /** Resolved ones are forgotten after so long. */
  readonly keepResolvedMs: number;
}

export const alertTiming: AlertTiming = {
  repeatMs: 4 * 3_600_000,
  joinMs: 5 * 60_000,
  keepResolvedMs: 30 * 86_400_000,
};

export interface AlertStep {
  /** Alerts that are new or have changed. */
  readonly changed: readonly Alert[];
  readonly forgotten: readonly string[];
  /** Alerts to notify about now: newly firing, escalated, repeated or resolved. */
  readonly notify: readonly Alert[];
}

const alertKey = ({ rule, group }: { readonly rule: string; readonly group: string }): string =>
  `${rule}\u0000${group}`;

/** What is notified together; undefined: it is notified alone. */
const incidentKey = ({ rule, host, owner }: Pick<Alert, 'rule' | 'host' | 'owner'>): string | undefined =>
  host === undefined ? undefined : `${rule}\u0000${host}\u0000${owner ?? ''}`;

/** The id under which channels know an alert from its beginning to its end. */
export const incidentId = ({ id, incident }: Pick<Alert, 'id' | 'incident'>): string => incident ?? id;

/** What is open of an incident when a step begins, and what the step adds to it. */
interface Incident {
  /** Null: nothing of it was notified yet. */
  id: string | null;
  readonly notifiedAt: number | null;
  readonly isPaged: boolean;
  /** One of its alerts begins to fire now: the others do not wait longer. */
  readonly begins: boolean;
  readonly isRepeated: boolean;
}

const alone: Incident = {
  id: null,
  notifiedAt: null,
  isPaged: false,
  begins: false,
  isRepeated: false,
};

/** The incidents of what is true now. */
function joinIncidents(
  open: ReadonlyMap<string, Alert>,
  conditions: readonly Condition[],
  now: number,
  { repeatMs }: AlertTiming,
): ReadonlyMap<string, Incident> {
  const incidents = new Map<string, Incident>();
  for (const condition of conditions) {
    const key = incidentKey(condition);
    if (key === undefined) continue;
    const known = incidents.get(key) ?? alone;
    const before = open.get(alertKey(condition));
    const begins =
      (before === undefined || before.state === 'pending') &&
      condition.inhibited !== true &&
      now - (before?.since ?? now) >= condition.waitMs;
    const notifiedAt = before?.notifiedAt ?? null;
    const isDue =
      before !== undefined &&
      notifiedAt !== null &&
      condition.stage === undefined &&
      !isAcknowledged(before, now) &&
      now - notifiedAt >= repeatMs;
    incidents.set(key, {
      id: known.id ?? (before === undefined || notifiedAt === null ? null : incidentId(before)),
      notifiedAt: notifiedAt === null ? known.notifiedAt : Math.max(known.notifiedAt ?? 0, notifiedAt),
      isPaged: known.isPaged || before?.notifiedSeverity === 'page',
      begins: known.begins || begins,
      isRepeated: known.isRepeated || isDue,
    });
  }
  return incidents;
}

/** An alert whose times a clock has stamped that was ahead: else it would wait until that time has come. */
function notAfter(alert: Alert, now: number): Alert {
  const { since, firedAt, resolvedAt, acknowledgedAt, notifiedAt } = alert;
  const times = { since, firedAt, resolvedAt, acknowledgedAt, notifiedAt };
  if (Object.values(times).every((time) => time === null || time === undefined || time <= now)) return alert;
  const past = <T extends number | null>(time: T): T => (time === null ? time : Math.min(time, now)) as T;
  return {
    ...alert,
    since: past(since),
    ...(firedAt === undefined ? {} : { firedAt: past(firedAt) }),
    resolvedAt: past(resolvedAt),
    acknowledgedAt: past(acknowledgedAt),
    notifiedAt: past(notifiedAt),
  };
}

const stageNotified = (stage: string | undefined): Pick<Alert, 'notifiedStage'> =>
  stage === undefined ? {} : { notifiedStage: stage };

/** An acknowledgement for a time ends with it. */
function isAcknowledged({ acknowledgedAt, acknowledgement }: Alert, now: number): boolean {
  const until = acknowledgement?.until ?? null;
  return acknowledgedAt !== null && (until === null || now < until);
}

/** Adds to the notifications that an alert keeps. */
export function withNotifications(alert: Alert, more: readonly AlertNotification[]): Alert {
  if (more.length === 0) return alert;
  return { ...alert, notifications: [...(alert.notifications ?? []), ...more].slice(-maxNotificationsKept) };
}

/** Rules that could not be evaluated this time; their alerts stay as they are. */
export type Unevaluated = ReadonlySet<string>;

/**
 * The only step that alerts make: from what is stored and what is true now to what is stored next, and what is notified. Pure,
 * so that any node can take it, and one that takes it again after a crash comes to the same.
 */
export function stepAlerts(
  stored: readonly Alert[],
  conditions: readonly Condition[],
  now: number,
  newId: () => string,
  unevaluated: Unevaluated = new Set(),
  timing: AlertTiming = alertTiming,
): AlertStep {
  const changed: Alert[] = [];
  const notify: Alert[] = [];
  const forgotten: string[] = [];
  const known = stored.map((alert) => notAfter(alert, now));
  const open = new Map(
    known.filter(({ state }) => state !== 'resolved').map((alert) => [alertKey(alert), alert]),
  );
  const incidents = joinIncidents(open, conditions, now, timing);
  /** Incidents that are not over: of what has been notified, something still fires. */
  const unresolved = new Set<string>();
  for (const condition of conditions) {
    const before = open.get(alertKey(condition));
    open.delete(alertKey(condition));
    const key = incidentKey(condition);
    const incident: Incident = (key === undefined ? undefined : incidents.get(key)) ?? { ...alone };
    const { alert, isNotified } = nextAlert(before, condition, incident, now, newId, timing);
    if (isNotified) {
      notify.push(alert);
      if (key !== undefined) incident.id ??= alert.id;
    }
    if (key !== undefined && alert.notifiedAt !== null) unresolved.add(incidentId(alert));
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(alert)) changed.push(alert);
  }
  for (const alert of open.values())
    if (unevaluated.has(alert.rule) && alert.notifiedAt !== null) unresolved.add(incidentId(alert));
  for (const alert of open.values()) {
    if (unevaluated.has(alert.rule)) continue;
    // Its beginning was not notified, so its end is not either.
    if (alert.state === 'pending') {
      forgotten.push(alert.id);
      continue;
    }
    const resolved: Alert = { ...alert, state: 'resolved', resolvedAt: now };
    changed.push(resolved);
    // The end of an incident is notified once: with the last of its alerts.
    if (alert.notifiedAt !== null && !unresolved.has(incidentId(alert))) notify.push(resolved);
  }
  for (const [index, alert] of known.entries()) {
    const { id, resolvedAt } = alert;
    if (resolvedAt === null) continue;
    if (now - resolvedAt > timing.keepResolvedMs) forgotten.push(id);
    else if (alert !== stored[index]) changed.push(alert);
  }
  return { changed, forgotten, notify };
}

/** Returns the open alert of a condition that is true now, and whether it is to be notified. */
function nextAlert(
  before: Alert | undefined,
  condition: Condition,
  incident: Readonly<Incident>,
  now: number,
  newId: () => string,
  timing: AlertTiming,
): { readonly alert: Alert; readonly isNotified: boolean } {
  const { rule, group, severity, owner, alsoNotify, host, summary, evidence, waitMs, stage } = condition;
  const since = before?.since ?? now;
  const firing = now - since >= waitMs || incident.begins;
  const notifiedAt = before?.notifiedAt ?? null;
  const isNextStage = stage !== undefined && notifiedAt !== null && before?.notifiedStage !== stage;
  const isWorse = (before?.notifiedSeverity === 'ticket' && severity === 'page') || isNextStage;
  // An acknowledgement does not cover what has become worse.
  const isKept = before !== undefined && !isWorse && isAcknowledged(before, now);
  // An acknowledgement that expires is an appointment: its author is notified then.
  const isRepeated =
    before !== undefined &&
    notifiedAt !== null &&
    !isKept &&
    (before.acknowledgedAt !== null ||
      (stage === undefined && (incident.isRepeated || now - notifiedAt >= timing.repeatMs)));
  const isFirst = notifiedAt === null && !isHeld(incident, severity, now, timing);
  const isNotified = firing && condition.inhibited !== true && (isFirst || isWorse || isRepeated);
  const id = before?.id ?? newId();
  const joins = isNotified && notifiedAt === null && host !== undefined;
  const known = before?.incident ?? (joins ? (incident.id ?? id) : undefined);
  const alert: Alert = {
    id,
    rule,
    group,
    severity,
    state: firing ? 'firing' : 'pending',
    owner,
    ...(alsoNotify === undefined ? {} : { alsoNotify }),
    ...(host === undefined ? {} : { host }),
    ...(known === undefined ? {} : { incident: known }),
    summary,
    evidence,
    since,
    firedAt: firing ? (before?.firedAt ?? (before?.state === 'firing' ? before.since : now)) : null,
    resolvedAt: null,
    acknowledgedAt: isKept ? before.acknowledgedAt : null,
    notifiedAt: isNotified ? now : notifiedAt,
    notifiedSeverity: isNotified ? severity : (before?.notifiedSeverity ?? null),
    ...stageNotified(isNotified ? stage : before?.notifiedStage),
    // In the order in which they are added elsewhere: the same alert is the same text.
    ...(before?.notifications === undefined ? {} : { notifications: before.notifications }),
    ...(isKept && before.acknowledgement !== undefined ? { acknowledgement: before.acknowledgement } : {}),
  };
  return { alert, isNotified };
}

/** What joins an incident that was just notified waits for others, unless it is the first of it that pages. */
function isHeld(
  { notifiedAt, isPaged }: Readonly<Incident>,
  severity: AlertSeverity,
  now: number,
  { joinMs }: AlertTiming,
): boolean {
  return notifiedAt !== null && (isPaged || severity === 'ticket') && now - notifiedAt < joinMs;
}
