// The words that logs use about a delivery, and what each of them means.

/**
 * The meaning of a word. `success`: delivered. `failure`: an attempt failed. `retry`: it failed, and another one is owed.
 * `final`: the sender gave up and recorded it. `open`: in flight. `accepted`: accepted. `started`: a request began.
 * `marker`: the sender itself was restarted or deployed.
 */
export type Meaning = 'success' | 'failure' | 'retry' | 'final' | 'open' | 'accepted' | 'started' | 'marker';

// Matched against the words of a value in lower case, joined by one underscore; the first that fits wins.
const patterns: readonly (readonly [Meaning, RegExp])[] = [
  [
    'marker',
    /^(app(lication)?_|service_|server_|process_|worker_|sender_)?(deploy(ed|ment|_started|_finished)?|restart(ed|ing)?|boot(ed)?|shutdown|shutting_down|sig(term|kill)|startup|start_up|crash(ed)?|killed|process_start(ed)?|worker_start(ed)?|released?|rollout)$/,
  ],
  [
    'final',
    /dead|dlq|exhaust|gave_up|giv(en?|ing)_up|give_up|abandon|discard|cancel|permanent(ly)?|undeliverable|^((delivery|event|message|webhook|job|ttl|retention|retry)_)*expired$|max_(retries|attempts)|no_more_(retries|attempts)|retries_exceeded|attempts_exceeded|suppressed|filtered|skipped|unsubscribed|opted_out|(^|_)(endpoint|hook|webhook|subscription|subscriber|receiver|destination|target)_(disabled|deleted|removed|inactive|gone|paused)|^disabled$|terminal|failed_final|final_fail/,
  ],
  [
    'retry',
    /(^|_)(retry|retries|retrying|retryable|rescheduled|will_retry|requeued?|retry_scheduled|backoff|backing_off|deferred|nack)(_|$)/,
  ],
  [
    'open',
    /^(pending|queued|scheduled|in_flight|inflight|processing|in_progress|running|sending|delivering|waiting|active|open|leased|claimed|locked|ready|unknown)$/,
  ],
  [
    'failure',
    /fail|error|timeout|timed_out|time_out|refused|reset|reject|unreachable|unsuccessful|not_delivered|undelivered|bounce|throttl|rate_limit|^(ko|nok|bad|false|no|0|unacked|nacked|5xx|4xx|3xx|dropped|lost|aborted|connection_.*|dns.*|tls.*)$/,
  ],
  [
    'success',
    /^(.*_)?(success|succeeded|successful|successfully|delivered|acknowledged|acked|ack|completed?|ok|done|processed|true|yes|1|2xx|passed|finished|confirmed|sent_ok|delivery_ok)$/,
  ],
  [
    'accepted',
    /(^|_)(accepted|accept|received|receipt|ingested|enqueued?|created|new|published|registered|match_start|matched)(_|$)/,
  ],
  [
    'started',
    /(^|_)(start(ed|ing)?|begin|began|attempting|dispatch(ed|ing)?|sent|send|request(ed)?|attempt)(_|$)/,
  ],
];

const joined = (text: string): string =>
  text
    .trim()
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');

/** Returns the meaning of a status, a result or a kind of line; null if it is unknown. */
export function toMeaning(text: string): Meaning | null {
  const word = joined(text);
  return patterns.find(([, pattern]) => pattern.test(word))?.[0] ?? null;
}

const lifecycle =
  /(^|_)(attempts?|deliver(y|ies|ed)?|retry|retries|retrying|webhooks?|enqueued?|accepted|deploy\w*|restart\w*|shutdown|boot\w*|started?|exhausted|dead|dlq|queued|dispatch\w*|in_?flight|succeeded|failed|invocation|gave_up|given_up|scheduled|sent|request|response|sigterm|crash\w*|timeout|finished|end|ended|completed)(_|$)/;
const domainEvent =
  /^(payment|order|invoice|charge|refund|customer|subscription|checkout|payout|transfer|account|card|dispute|user|cart|product|shipment|balance|ledger|price|plan|push|pull|issue|issues|release)s?[._:/-]/i;

/** Whether the values of a field are steps of deliveries rather than types of events. */
export function isLifecycleField(texts: readonly string[], dotted: string): boolean {
  if (texts.length === 0) return false;
  const distinct = [...new Set(texts)];
  if (distinct.filter((text) => domainEvent.test(text)).length > distinct.length / 3) return false;
  const like = distinct.filter((text) => lifecycle.test(joined(text)) && toMeaning(text) !== null).length;
  const strict = /^(msg|message)$/i.test(dotted) ? 0.9 : 0.6;
  return like >= distinct.length * strict;
}
