import { behindMs, heldMs, maxDeferred } from '../../domain/ordering.ts';
import { postgresDigest } from '../digest.ts';
import { redriveMark, triggers } from '../rows.ts';

/** The number of an endpoint that may be claimed from. */
export const endpointOf =
  'SELECT num FROM posthorn.endpoints WHERE id = $1 AND enabled AND deleted_at IS NULL';

/**
 * What differs where a statement names exactly one shard, as it must on distributed tables: $1 is then the endpoint's
 * number and $2 the shard itself, not an array of shards; rows are found by key, because a distributed update cannot
 * find them by where they lie.
 */
interface Form {
  readonly endpoint: string;
  readonly shards: string;
  /** The shard of a row of `alias`. */
  readonly at: (alias: string) => string;
  readonly place: (alias: string) => string;
  readonly samePlace: string;
}
const spanning: Form = {
  endpoint: endpointOf,
  shards: 'unnest($2::smallint[])',
  at: (alias) => `${alias}.shard`,
  place: (alias) => `${alias}.ctid`,
  samePlace: 'd.ctid = m.ctid',
};
const single: Form = {
  endpoint: 'SELECT $1::int AS num',
  shards: '(SELECT $2::smallint)',
  at: () => '$2::smallint',
  place: (alias) => `${alias}.number`,
  samePlace: 'd.shard = $2::smallint AND d.number = m.number',
};

/** From `mine` (where the rows are, locked already) to what the dispatcher needs. */
const claimed = (form: Form, leaseUntil: string, node: string): string => `claimed AS (
    UPDATE posthorn.deliveries d SET due_at = ${leaseUntil}, claim = d.claim + 1, claimed_by = ${node},
      trigger = CASE WHEN d.trigger = ${redriveMark} THEN ${triggers.indexOf('manual')} ELSE d.trigger END FROM mine m
    WHERE ${form.samePlace}
    RETURNING d.shard, d.number, d.claim, d.tries, d.created_at, d.trigger, d.event_number, m.due_at AS was_due)
SELECT c.number, c.claim, c.tries, c.created_at, c.trigger, e.id, e.type, coalesce(e.occurred_at, e.accepted_at), e.data,
  coalesce(e.digest = ${postgresDigest}, true), c.was_due
FROM claimed c JOIN posthorn.events e ON e.shard = ${form.at('c')} AND e.number = c.event_number ORDER BY c.number`;

/**
 * Due deliveries of one endpoint, its oldest first in each shard, from one shard after the other until there are enough:
 * no row is read that is not claimed, and those of a shard lie side by side. Shards take turns in being the first.
 * What another node has locked is passed over: ownership saves work, SKIP LOCKED and the claim number keep it right (G3).
 */
const claimAny = (form: Form): string => `WITH p AS MATERIALIZED (${form.endpoint}),
  mine AS MATERIALIZED (
    SELECT ${form.place('x')}, x.due_at FROM p CROSS JOIN ${form.shards} AS s (shard) CROSS JOIN LATERAL (
      SELECT ${form.place('d')}, d.due_at FROM posthorn.deliveries d
      WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = ${form.at('s')} AND d.due_at <= $3
      ORDER BY d.due_at LIMIT $4 FOR UPDATE OF d SKIP LOCKED) x
    LIMIT $4),
  ${claimed(form, '$5', '$6')}`;

/**
 * Due deliveries of one endpoint in the node's shards. Each shard is looked up by its own range of the index and
 * gives at most its part, so that another node's backlog is never read.
 */
const due = (
  form: Form,
): string => `SELECT c.shard, c.number FROM ${form.shards} AS s (shard) CROSS JOIN LATERAL (
    SELECT d.shard, d.number, d.due_at FROM posthorn.deliveries d
    WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = ${form.at('s')} AND d.due_at <= $3 ORDER BY d.due_at LIMIT $5) c
  ORDER BY c.due_at LIMIT $4`;

/**
 * The one of a key that is in flight, for a row of `alias`, through an index of such alone: its number may be a later one where one
 * was redriven, or was numbered before and committed after.
 */
const inFlight = (
  form: Form,
  alias: string,
): string => `SELECT b.number FROM posthorn.deliveries b WHERE b.state = 0 AND b.shard = ${form.at(alias)} AND b.endpoint = ${alias}.endpoint
  AND b.order_key = ${alias}.order_key AND b.claimed_by IS NOT NULL AND b.due_at > $3`;

/** The first of the key of a row of `alias` that is pending. By LIMIT, which keeps the planner to the index of keys. */
const firstPending = (
  form: Form,
  alias: string,
): string => `(SELECT b.number FROM posthorn.deliveries b WHERE b.state = 0 AND b.shard = ${form.at(alias)} AND b.endpoint = ${alias}.endpoint
  AND b.order_key = ${alias}.order_key ORDER BY b.number LIMIT 1)`;

// A delivery of a key waits for every earlier one, and for one whose lease still runs, whatever its number.
const behindPending = (form: Form): string =>
  `(${firstPending(form, 'd')} < d.number OR EXISTS (${inFlight(form, 'd')} AND b.number <> d.number))`;

/** The first dead letter of the key of a row of `alias`. */
const firstDead = (
  form: Form,
  alias: string,
): string => `(SELECT min(b.number) FROM posthorn.deliveries b WHERE b.state = 2 AND b.order_key IS NOT NULL AND b.shard = ${form.at(alias)}
  AND b.endpoint = ${alias}.endpoint AND b.order_key = ${alias}.order_key)`;

/** `blocks`: dead letters of the endpoint hold later deliveries of their keys. */
const behind = (form: Form, blocks: boolean): string =>
  blocks
    ? `(${behindPending(form)} OR coalesce(${firstDead(form, 'd')} < d.number, false))`
    : behindPending(form);

const claimKeyed = (form: Form, blocks: boolean): string => `WITH p AS MATERIALIZED (${form.endpoint}),
  due AS MATERIALIZED (SELECT x.* FROM p, LATERAL (${due(form)}) x),
  mine AS MATERIALIZED (
    -- One lookup by key for each: LIMIT keeps the planner from joining with every pending row instead.
    SELECT ${form.place('m')}, m.due_at FROM due CROSS JOIN LATERAL (
      SELECT ${form.place('d')}, d.due_at FROM posthorn.deliveries d
      WHERE d.shard = ${form.at('due')} AND d.number = due.number AND d.state + 0 = 0 AND d.due_at + 0 <= $3
        AND NOT (d.order_key IS NOT NULL AND ${behind(form, blocks)})
      LIMIT 1 FOR UPDATE OF d SKIP LOCKED) m),
  ${claimed(form, '$6', '$7')}`;

// What waits behind the head of its key is out of the way until the head ends, which makes its successor due at once:
// what is due of the queue is deferred together, else each step of a long queue would read it again (measured with twelve
// keys and 2,000 waiting for each: 340 deliveries a second, and 2 when each claim deferred what it had read). It is found by the time it is due:
// along its key, what sleeps already would be read with it.
//
// The head is locked meanwhile: else it could end between being seen and the deferring, and its successor would sleep
// through its call. A head that is locked already is about to change, and its followers are looked at again.
//
// Where dead letters block, one that is before the head is the head itself: nothing is claimed, and everything sleeps for long.
const head = (form: Form, blocks: boolean): string => {
  const first = firstPending(form, 'k');
  const waiting = blocks ? `least(${first}, ${firstDead(form, 'k')})` : first;
  return `coalesce((${inFlight(form, 'k')} ORDER BY b.number LIMIT 1), ${waiting})`;
};
const defer = (form: Form, blocks: boolean): string => `WITH p AS MATERIALIZED (${form.endpoint}),
  due AS MATERIALIZED (SELECT x.* FROM p, LATERAL (${due(form)}) x),
  keys AS MATERIALIZED (
    SELECT DISTINCT d.shard, d.endpoint, d.order_key FROM posthorn.deliveries d JOIN due USING (shard, number)
    WHERE d.shard = ${form.at('due')} AND d.state + 0 = 0 AND d.claimed_by IS NULL AND d.order_key IS NOT NULL AND ${behind(form, blocks)}),
  waiting AS MATERIALIZED (
    SELECT k.*, ${head(form, blocks)} AS head FROM keys k),
  heads AS MATERIALIZED (
    SELECT w.*, ${blocks ? `coalesce(h.due_at, $3 + ${heldMs}::bigint) AS due_at, h.due_at IS NULL AS is_held` : 'h.due_at'} FROM waiting w JOIN posthorn.deliveries h ON h.shard = ${form.at('w')} AND h.number = w.head
    WHERE h.state + 0 ${blocks ? 'IN (0, 2)' : '= 0'} FOR SHARE OF h SKIP LOCKED),
  queue AS MATERIALIZED (
    SELECT q.shard, q.number, h.due_at${blocks ? ', h.is_held' : ''}
    FROM (SELECT DISTINCT h.shard, h.endpoint FROM heads h) s CROSS JOIN LATERAL (
      SELECT q.shard, q.number, q.order_key, q.claimed_by FROM posthorn.deliveries q
      WHERE q.state = 0 AND q.endpoint = s.endpoint AND q.shard = ${form.at('s')} AND q.due_at <= $3
      ORDER BY q.due_at LIMIT ${maxDeferred}) q
    JOIN heads h ON h.shard = q.shard AND h.order_key = q.order_key
    WHERE q.number <> h.head AND q.claimed_by IS NULL LIMIT ${maxDeferred})
UPDATE posthorn.deliveries d SET due_at = greatest($3 + ${behindMs}, q.due_at)${blocks ? ', held = d.held OR q.is_held' : ''} FROM queue q
WHERE d.shard = ${form.at('q')} AND d.number = q.number AND d.state + 0 = 0 AND d.claimed_by IS NULL`;

/** When the next delivery of an endpoint is due, over the shards of an array. */
const nextOf = `SELECT min(c.due_at) FROM (${endpointOf}) p CROSS JOIN unnest($2::smallint[]) AS s (shard) CROSS JOIN LATERAL (
    SELECT d.due_at FROM posthorn.deliveries d WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = s.shard
    ORDER BY d.due_at LIMIT 1) c`;
/** The same for each of these shards, by the endpoint's number: each worker looks into its own. */
export const nextOfEach = `SELECT s.shard, c.due_at FROM posthorn.shards s CROSS JOIN LATERAL (
    SELECT d.due_at FROM posthorn.deliveries d WHERE d.state = 0 AND d.endpoint = $1::int AND d.shard = s.shard
    ORDER BY d.due_at LIMIT 1) c
  WHERE s.shard = ANY ($2::smallint[])`;

const statementsOf = (form: Form) => ({
  any: claimAny(form),
  keyed: claimKeyed(form, false),
  defer: defer(form, false),
  /** Where dead letters block their keys. */
  blockedKeyed: claimKeyed(form, true),
  blockedDefer: defer(form, true),
});
/** Statements over the shards of an array. */
export const overShards = { ...statementsOf(spanning), next: nextOf };
/** The same statements, each of which names exactly one shard. */
export const inOneShard = statementsOf(single);
