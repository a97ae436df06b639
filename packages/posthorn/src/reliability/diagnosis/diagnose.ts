import { dayMs } from '../../domain/time.ts';
import { findCause } from './causes.ts';
import type { Diagnosis, DiagnosisFacts, DiagnosisLevel } from './facts.ts';
import { counted, duration, listed, moment, number, percent } from './words.ts';

/** A certificate that expires within this is mentioned even while the endpoint is healthy. */
const certificateSoonMs = 7 * dayMs;
/** Above this share of failed attempts the diagnosis of a healthy endpoint mentions them. */
const manyFailures = 0.05;

interface Rule {
  readonly name: string;
  readonly applies: (facts: DiagnosisFacts) => boolean;
  readonly level: DiagnosisLevel;
  /** Parts of one sentence; empty ones are left out. */
  readonly parts: (facts: DiagnosisFacts) => readonly string[];
  readonly nextStep: (facts: DiagnosisFacts) => string | null;
}

/** `for 18 min (since 09:41 UTC)`, and when the last success was. */
function began({ contact, now }: DiagnosisFacts): string {
  const { failedSince, lastSuccessAt } = contact!;
  const since = `for ${duration(now - failedSince!)} (since ${moment(failedSince!, now)})`;
  return lastSuccessAt === null ? `${since}; no attempt has ever succeeded` : since;
}

function typesPart({ failingTypes, otherTypes }: DiagnosisFacts): string {
  if (failingTypes.length + otherTypes.length < 2) return '';
  if (otherTypes.length === 0) return ', for all event types';
  return `, for ${listed(failingTypes)}`;
}

/** How many deliveries wait, and when the next attempt is. */
function waits({ pending, claimed, nextAttemptAt, now }: DiagnosisFacts): string {
  if (pending === 0) return '';
  const waiting = `${counted(pending, 'delivery', 'deliveries')} ${pending === 1 ? 'waits' : 'wait'}`;
  if (nextAttemptAt === null) return claimed > 0 ? `${waiting}, and attempts are in progress` : waiting;
  if (nextAttemptAt <= now) return `${waiting}, and the next attempt is due now`;
  return `${waiting}, and the next attempt is in ${duration(nextAttemptAt - now)}`;
}

/** "Nothing is lost until": every pending delivery has a final attempt, and this is the earliest. */
function safety({ pending, lossAt, now }: DiagnosisFacts): string {
  if (pending === 0) return '';
  if (lossAt === null) return 'nothing is lost while attempts remain on the schedule';
  return lossAt <= now
    ? 'the earliest schedule may end with the next attempt'
    : `nothing is lost until ${moment(lossAt, now)}, when the earliest schedule ends`;
}

function deadPart({ dead }: DiagnosisFacts): string {
  return dead === 0 ? '' : `${counted(dead, 'delivery is a dead letter', 'deliveries are dead letters')}`;
}

function suppressedPart({ suppressed }: DiagnosisFacts): string {
  if (suppressed === 0) return '';
  return `${counted(suppressed, 'delivery', 'deliveries')} of new events ${suppressed === 1 ? 'is' : 'are'} suppressed`;
}

function lastSuccess({ contact, now }: DiagnosisFacts): string {
  const at = contact?.lastSuccessAt ?? null;
  return at === null ? '' : `the last success was ${duration(now - at)} ago`;
}

const held = (facts: DiagnosisFacts): readonly string[] => [
  facts.pending === 0
    ? ''
    : `${counted(facts.pending, 'delivery', 'deliveries')} ${facts.pending === 1 ? 'waits' : 'wait'}`,
  suppressedPart(facts),
];

const pausedFor = ({ pause, now }: DiagnosisFacts): string =>
  pause!.at === null ? '' : ` since ${moment(pause!.at, now)}`;

const pauseReason = (facts: DiagnosisFacts): string | null => facts.pause?.reason ?? null;

const resumeStep = 'Resume the endpoint, then redrive the suppressed deliveries.';

/** In order: the first that applies wins. */
export const rules: readonly Rule[] = [
  {
    name: 'paused_gone',
    applies: (facts) => pauseReason(facts) === 'gone',
    level: 'act',
    parts: (facts) => [
      `${facts.host} answered 410 Gone, so Posthorn has paused the endpoint${pausedFor(facts)}`,
      ...held(facts),
    ],
    nextStep: () => 'Change the URL or delete the endpoint; resume it only if the 410 was a mistake.',
  },
  {
    name: 'paused_failing',
    applies: (facts) => pauseReason(facts) === 'failing',
    level: 'act',
    parts: (facts) => [
      `${facts.host} has failed every attempt for so long that Posthorn has paused the endpoint${pausedFor(facts)}`,
      ...held(facts),
    ],
    nextStep: () =>
      'Fix the receiver, send a test, then resume the endpoint and redrive the suppressed deliveries.',
  },
  {
    name: 'paused',
    applies: ({ pause }) => pause !== null,
    level: 'watch',
    parts: (facts) => {
      const { host, pause } = facts;
      const why = pause!.reason === 'operator' ? '' : `: "${pause!.reason}"`;
      const by = pause!.by === null ? '' : ` by ${pause!.by}`;
      return [`${host} has been paused${by}${pausedFor(facts)}${why}`, ...held(facts)];
    },
    nextStep: () => resumeStep,
  },
  {
    name: 'secrets',
    applies: ({ secretsFault }) => secretsFault !== null,
    level: 'act',
    parts: (facts) => [`${facts.host} is sent nothing: ${facts.secretsFault}`, waits(facts)],
    nextStep: () => 'Restore the previous secret key, or set the secret and the headers again.',
  },
  {
    name: 'failing',
    applies: ({ state, contact }) => state === 'failing' && contact?.failedSince !== null && contact !== null,
    level: 'act',
    parts: (facts) => {
      const { answers, contact, disablesAt, now } = facts;
      const cause = findCause(facts, contact!.failedSince!);
      const others = answers.slice(1);
      const also =
        others.length === 0
          ? ''
          : `other failures: ${listed(others.map(({ errorClass, statusCode }) => `${statusCode ?? errorClass}`))}`;
      return [
        `${facts.host} ${cause.says} ${began(facts)}${typesPart(facts)}`,
        also,
        waits(facts),
        safety(facts),
        deadPart(facts),
        disablesAt === null
          ? ''
          : disablesAt <= now
            ? 'the next failed attempt pauses the endpoint'
            : `unless an attempt succeeds, the endpoint is paused at ${moment(disablesAt, now)}`,
      ];
    },
    nextStep: (facts) => findCause(facts, facts.contact!.failedSince!).nextStep,
  },
  {
    name: 'throttled',
    applies: ({ throttledUntil, now }) => throttledUntil !== null && throttledUntil > now,
    level: 'watch',
    parts: (facts) => [
      `${facts.host} has asked for a pause until ${moment(facts.throttledUntil!, facts.now)} (Retry-After), and Posthorn obeys`,
      waits({ ...facts, nextAttemptAt: Math.max(facts.throttledUntil!, facts.nextAttemptAt ?? 0) }),
      safety(facts),
      deadPart(facts),
    ],
    nextStep: () => 'Set rate_limit_per_s to what the receiver can take.',
  },
  {
    name: 'slowed',
    applies: ({ breakerSince }) => breakerSince !== null,
    level: 'watch',
    parts: (facts) => [
      `${facts.host} has been limited to ${number(facts.slowedTo)} of ${number(facts.maxInFlight)} concurrent attempts since ${moment(facts.breakerSince!, facts.now)}, after 20 failures in a row`,
      waits(facts),
      deadPart(facts),
    ],
    nextStep: () => 'The next success lifts the limit.',
  },
  {
    name: 'blocked_keys',
    applies: ({ blockedKeys }) => blockedKeys > 0,
    level: 'act',
    parts: (facts) => [
      `${facts.host} receives deliveries, but dead letters block ${counted(facts.blockedKeys, 'ordering key')}`,
      waits({ ...facts, nextAttemptAt: null, claimed: 0 }),
    ],
    nextStep: () =>
      'Redrive the dead letters that block, or cancel them to let their keys continue without them.',
  },
  {
    name: 'some_types',
    applies: ({ failingTypes, otherTypes, failures, inTime }) =>
      failingTypes.length > 0 && otherTypes.length > 0 && failures > manyFailures * Math.max(20, inTime.due),
    level: 'watch',
    parts: (facts) => [
      `${facts.host} receives deliveries, but attempts fail for ${listed(facts.failingTypes)} and no other type: ${counted(facts.failures, 'failed attempt')} in 24 h`,
      waits(facts),
      deadPart(facts),
    ],
    nextStep: () => 'Compare these types with what the receiver expects; the last errors are below.',
  },
  {
    name: 'dead_letters',
    applies: ({ dead, state }) => dead > 0 && state !== 'idle',
    level: 'act',
    parts: (facts) => [
      `${facts.host} receives deliveries, but ${deadPart(facts)}`,
      lastSuccess(facts),
      waits(facts),
    ],
    nextStep: () => 'Redrive the dead letters: the receiver answers again.',
  },
  {
    name: 'certificate',
    applies: ({ certificateEndsAt, now }) =>
      certificateEndsAt !== null && certificateEndsAt - now < certificateSoonMs,
    level: 'watch',
    parts: (facts) => [
      `${facts.host} receives deliveries, but its certificate expires in ${duration(Math.max(0, facts.certificateEndsAt! - facts.now))}`,
    ],
    nextStep: () => 'The receiver must renew its certificate before that.',
  },
  {
    name: 'suppressed',
    applies: ({ suppressed }) => suppressed > 0,
    level: 'watch',
    parts: (facts) => [
      `${facts.host} receives deliveries, but ${counted(facts.suppressed, 'delivery', 'deliveries')} from a time when it was paused ${facts.suppressed === 1 ? 'is' : 'are'} still suppressed`,
    ],
    nextStep: () => 'Redrive the suppressed deliveries.',
  },
  {
    name: 'idle',
    applies: ({ state }) => state === 'idle',
    level: 'ok',
    parts: (facts) => [
      `${facts.host} has been sent nothing yet: no event of ${listed(facts.eventTypes.map((type) => (type === '*' ? 'any type' : type)))} has been accepted since the endpoint was created`,
    ],
    nextStep: () => 'Send a test event.',
  },
  {
    name: 'healthy',
    applies: () => true,
    level: 'ok',
    parts: (facts) => {
      const { host, inTime } = facts;
      const share =
        inTime.due === 0
          ? 'nothing was due in 24 h'
          : `${percent(inTime.good / inTime.due)} of ${counted(inTime.due, 'delivery', 'deliveries')} in time in 24 h`;
      return [`${host} accepts what it is sent: ${share}`, lastSuccess(facts), waits(facts)];
    },
    nextStep: () => null,
  },
];

/** Returns why an endpoint is in its state, in one sentence. */
export function diagnose(facts: DiagnosisFacts): Diagnosis {
  const rule = rules.find((one) => one.applies(facts))!;
  const sentence = rule
    .parts(facts)
    .filter((part) => part !== '')
    .join('; ');
  return {
    rule: rule.name === 'failing' ? findCause(facts, facts.contact!.failedSince!).rule : rule.name,
    level: rule.level,
    sentence: `${sentence}.`,
    nextStep: rule.nextStep(facts),
  };
}
