import { heldMs } from '../../domain/ordering.ts';
import { postgresDigest } from '../digest.ts';
import { redriveMark, triggers } from '../rows.ts';

/** Deliveries of one key in one statement; a longer queue takes several. */
const maxDeferred = 2000;
const deferMs = 1000;

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

// A delivery of a key waits for every earlier one, and for one whose lease still runs, whatever its number.
const behindPending = (
  form: Form,
): string => `EXISTS (SELECT 1 FROM posthorn.deliveries b WHERE b.state = 0 AND b.shard = ${form.at('d')} AND b.endpoint = d.endpoint
  AND b.order_key = d.order_key AND b.number <> d.number AND (b.number < d.number OR (b.claimed_by IS NOT NULL AND b.due_at > $3)))`;

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
// the whole queue of the key is deferred together, else each step of a long queue would read it again (measured with twelve
// keys and 2,000 waiting for each: 340 deliveries a second, and 2 when each claim deferred what it had read). Its own time to come due is only the fallback.
//
// The head is locked meanwhile: else it could end between being seen and the deferring, and its successor would sleep
// through its call. A head that is locked already is about to change, and its followers are looked at again.
//
// Where dead letters block, one that is before the head is the head itself: nothing is claimed, and everything sleeps for long.
const head = (form: Form, blocks: boolean): string => {
  const first = `SELECT b.number FROM posthorn.deliveries b
      WHERE b.state = 0 AND b.shard = ${form.at('k')} AND b.endpoint = k.endpoint AND b.order_key = k.order_key`;
  const pending = `${first} ORDER BY (b.claimed_by IS NULL OR b.due_at <= $3), b.number LIMIT 1`;
  const inFlight = `${first} AND b.claimed_by IS NOT NULL AND b.due_at > $3 ORDER BY b.number LIMIT 1`;
  return blocks ? `coalesce((${inFlight}), least((${pending}), ${firstDead(form, 'k')}))` : `(${pending})`;
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
    SELECT q.shard, q.number, h.due_at${blocks ? ', h.is_held' : ''} FROM heads h CROSS JOIN LATERAL (
      SELECT q.shard, q.number FROM posthorn.deliveries q
      WHERE q.state = 0 AND q.shard = ${form.at('h')} AND q.endpoint = h.endpoint AND q.order_key = h.order_key AND q.number <> h.head
        AND q.due_at <= $3 AND q.claimed_by IS NULL
      ORDER BY q.number LIMIT ${maxDeferred}) q)
UPDATE posthorn.deliveries d SET due_at = greatest($3 + ${deferMs}, q.due_at)${blocks ? ', held = d.held OR q.is_held' : ''} FROM queue q
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
