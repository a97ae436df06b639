import { StoreOpenError } from '../../domain/errors.ts';
import type { Connection, Database } from './database.ts';
import { blockingMigration, heldColumns, inFlightIndex } from './blocking.ts';
import { filterParts } from './filter-sql.ts';
import { idempotencyTable } from './idempotency.ts';
import { secretsMigration } from './sealed-settings.ts';
import { retriedIndex, searchMigration } from './search.ts';
import { attemptWireColumns } from './settle.ts';
import { missingParts, partsMadeBy, partsThere } from './schema-parts.ts';
import { publishSql } from './publish.ts';
import {
  auditLogTables,
  breakerColumns,
  bulkJobs,
  bulkWindows,
  contactMigration,
  countersTable,
  dataDeletedColumn,
  failingColumns,
  failingDelivered,
  keysTable,
  markerSubjects,
  markersTable,
  routingKeysColumn,
  dropPublish,
  sameGrants,
  senderInAlerts,
  serverCertificateColumns,
  sessionsTable,
  snoozesTable,
  throttleColumns,
} from './tables.ts';
import { shardsTable } from './shards.ts';
import { worthTable } from './worth.ts';

/** Two nodes that start at once take turns by this advisory lock. */
export const migrationLock = 7_026_784_1;

/**
 * Migrations in order; `posthorn.migrations` says which a database has had. Never edit one that was released.
 *
 * Every table on the delivery path carries `shard`, and every key and join names it. Deliveries have room on
 * their pages (fill factor), and no index by anything that a settle changes but the two partial ones on pending
 * rows, which a settle leaves.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE posthorn.settings (name text PRIMARY KEY, value text NOT NULL);

  -- One row; its version goes up with every change of configuration, so that no fan-out works from a stale copy.
  CREATE TABLE posthorn.config (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version bigint NOT NULL);
  INSERT INTO posthorn.config (version) VALUES (1);

  CREATE TABLE posthorn.endpoints (
    num int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    tenant text NOT NULL,
    enabled boolean NOT NULL,
    document jsonb NOT NULL,
    deleted_at bigint
  );

  CREATE SEQUENCE posthorn.event_numbers AS bigint;
  CREATE SEQUENCE posthorn.delivery_numbers AS bigint;

  CREATE TABLE posthorn.events (
    shard smallint NOT NULL,
    number bigint NOT NULL,
    tenant text NOT NULL,
    id text NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    ordering_key text,
    occurred_at bigint,
    accepted_at bigint NOT NULL,
    amount_minor bigint,
    currency text,
    deliveries int NOT NULL,
    suppressed int NOT NULL,
    filtered int NOT NULL,
    PRIMARY KEY (shard, number)
  );
  CREATE INDEX events_unwanted ON posthorn.events (accepted_at) WHERE deliveries = 0;

  -- Guards (tenant, id) in its home shard, and says where the event is (G1).
  CREATE TABLE posthorn.receipts (
    shard smallint NOT NULL,
    tenant text NOT NULL,
    id text NOT NULL,
    event_number bigint NOT NULL,
    PRIMARY KEY (shard, tenant, id)
  );

  CREATE TABLE posthorn.deliveries (
    shard smallint NOT NULL,
    number bigint NOT NULL,
    event_number bigint NOT NULL,
    endpoint int NOT NULL,
    state smallint NOT NULL,
    due_at bigint,
    claim int NOT NULL DEFAULT 0,
    claimed_by text,
    attempts int NOT NULL DEFAULT 0,
    tries int NOT NULL DEFAULT 0,
    trigger smallint NOT NULL DEFAULT 0,
    redrives int NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    settled_at bigint,
    reason text,
    order_key text,
    error_class text,
    status_code int,
    message text,
    PRIMARY KEY (shard, number),
    CHECK ((state = 0) = (due_at IS NOT NULL))
  ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
  CREATE INDEX deliveries_due ON posthorn.deliveries (endpoint, shard, due_at) WHERE state = 0;
  CREATE INDEX deliveries_order ON posthorn.deliveries (shard, endpoint, order_key, number) WHERE state = 0 AND order_key IS NOT NULL;
  CREATE INDEX deliveries_ended ON posthorn.deliveries (state, endpoint, number) WHERE state >= 2;
  CREATE INDEX deliveries_event ON posthorn.deliveries (shard, event_number);

  CREATE TABLE posthorn.attempts (
    shard smallint NOT NULL,
    delivery bigint NOT NULL,
    n int NOT NULL,
    started_at bigint NOT NULL,
    duration_ms int NOT NULL,
    status_code int,
    outcome text NOT NULL,
    error_class text,
    message text,
    response_excerpt text,
    trigger smallint NOT NULL,
    node text NOT NULL,
    PRIMARY KEY (shard, delivery, n)
  );

  -- Counts by the hour of acceptance, and by who wrote them: two nodes never wait for each other's row.
  CREATE TABLE posthorn.ledger (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    hour int NOT NULL,
    writer text NOT NULL,
    accepted bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    dead bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    suppressed bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    superseded bigint NOT NULL DEFAULT 0,
    first_attempts bigint NOT NULL DEFAULT 0,
    first_delivered bigint NOT NULL DEFAULT 0,
    pruned_delivered bigint NOT NULL DEFAULT 0,
    pruned_dead bigint NOT NULL DEFAULT 0,
    pruned_cancelled bigint NOT NULL DEFAULT 0,
    pruned_suppressed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, endpoint, hour, writer)
  ) WITH (fillfactor = 50);
  CREATE TABLE posthorn.event_ledger (
    shard smallint NOT NULL,
    tenant text NOT NULL,
    hour int NOT NULL,
    writer text NOT NULL,
    events bigint NOT NULL,
    unmatched bigint NOT NULL,
    PRIMARY KEY (shard, tenant, hour, writer)
  ) WITH (fillfactor = 50);
  CREATE TABLE posthorn.latency (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    hour int NOT NULL,
    bucket smallint NOT NULL,
    writer text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (shard, endpoint, hour, bucket, writer)
  ) WITH (fillfactor = 50);

  CREATE TABLE posthorn.redrives (
    id text PRIMARY KEY,
    filter jsonb NOT NULL,
    rate_per_s float8,
    dry_run boolean NOT NULL,
    state text NOT NULL,
    matched int NOT NULL,
    redriven int NOT NULL,
    cursor bigint NOT NULL,
    last_number bigint NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint
  );

  -- Who is alive, by this database's own clock.
  CREATE TABLE posthorn.nodes (
    node text PRIMARY KEY,
    started_at bigint NOT NULL,
    beat_at bigint NOT NULL
  );
  `,
  publishSql,
  `
  -- What people declare: teams, channels.
  CREATE TABLE posthorn.documents (kind text NOT NULL, name text NOT NULL, document jsonb NOT NULL, PRIMARY KEY (kind, name));
  CREATE TABLE posthorn.alerts (id text PRIMARY KEY, document json NOT NULL);
  `,
  `
  -- The same counts by event type and by the minute of acceptance; store/folding.ts makes them coarse later.
  CREATE TABLE posthorn.tallies (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    minute int NOT NULL,
    type text NOT NULL,
    writer text NOT NULL,
    accepted bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    dead bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    suppressed bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    superseded bigint NOT NULL DEFAULT 0,
    first_attempts bigint NOT NULL DEFAULT 0,
    first_delivered bigint NOT NULL DEFAULT 0,
    recovered bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, endpoint, minute, type, writer)
  ) WITH (fillfactor = 50);
  CREATE INDEX tallies_fine ON posthorn.tallies (minute) WHERE minute % 1440 <> 0 OR writer <> 'folded';
  CREATE INDEX ledger_fine ON posthorn.ledger (hour) WHERE hour % 24 <> 0 OR writer <> 'folded';

  CREATE TABLE posthorn.failures (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    hour int NOT NULL,
    type text NOT NULL,
    class text NOT NULL,
    writer text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (shard, endpoint, hour, type, class, writer)
  ) WITH (fillfactor = 50);
  CREATE INDEX failures_fine ON posthorn.failures (hour) WHERE hour % 24 <> 0 OR writer <> 'folded';

  -- Endpoints of before follow no template: what they do, they say themselves.
  UPDATE posthorn.endpoints SET document = document || '{"templateVersion": null, "own": ["timeoutMs", "deliverWithinMs", "retry"]}';

  -- What was counted before stands under no type.
  INSERT INTO posthorn.tallies SELECT 0, endpoint, hour * 60, '', 'folded', sum(accepted), sum(delivered), sum(dead), sum(cancelled),
    sum(suppressed), sum(late), sum(superseded), sum(first_attempts), sum(first_delivered), 0 FROM posthorn.ledger GROUP BY endpoint, hour;
  ALTER TABLE posthorn.latency ADD COLUMN type text NOT NULL DEFAULT '';
  ALTER TABLE posthorn.latency DROP CONSTRAINT latency_pkey, ADD PRIMARY KEY (shard, endpoint, hour, bucket, type, writer);
  CREATE INDEX latency_hour ON posthorn.latency (hour);
  -- Older ones: a histogram by the day, counts by bucket.
  CREATE TABLE posthorn.latency_days (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    day int NOT NULL,
    type text NOT NULL,
    counts jsonb NOT NULL,
    PRIMARY KEY (shard, endpoint, day, type)
  );
  ALTER TABLE posthorn.event_ledger ADD COLUMN type text NOT NULL DEFAULT '';
  ALTER TABLE posthorn.event_ledger DROP CONSTRAINT event_ledger_pkey, ADD PRIMARY KEY (shard, tenant, hour, type, writer);
  CREATE INDEX event_ledger_fine ON posthorn.event_ledger (hour) WHERE hour % 24 <> 0 OR writer <> 'folded';
  ${publishSql}`,
  breakerColumns,
  // It takes the value out of the data now.
  publishSql,
  // Read far more often than written, and always whole: printing jsonb took a third of the time of accounting over months.
  'ALTER TABLE posthorn.latency_days ALTER COLUMN counts TYPE json USING counts::json',
  // The digest of what is stored of an event (store/digest.ts); null where it was accepted before there was one.
  `ALTER TABLE posthorn.events ADD COLUMN digest text;
  ${publishSql}`,
  `
  -- Fan-outs that are not complete, and their events; \`targets\` and \`wanted\` are described in store/fan-out.ts.
  CREATE SEQUENCE posthorn.fan_out_numbers AS bigint;
  CREATE TABLE posthorn.fan_outs (
    id bigint PRIMARY KEY,
    tenant text NOT NULL,
    accepted_at bigint NOT NULL,
    moved_at bigint NOT NULL,
    targets text NOT NULL
  );
  CREATE INDEX fan_outs_tenant ON posthorn.fan_outs (tenant, id);
  CREATE TABLE posthorn.fan_out_events (
    fan_out bigint NOT NULL,
    place int NOT NULL,
    event_number bigint NOT NULL,
    type text NOT NULL,
    ordering_key text,
    wanted text,
    cursor int NOT NULL,
    remaining int NOT NULL,
    PRIMARY KEY (fan_out, place)
  );
  CREATE INDEX fan_out_events_event ON posthorn.fan_out_events (event_number);
  -- What was planned and what was made, ever, by who wrote it: a fan-out that vanishes leaves a difference (G6).
  CREATE TABLE posthorn.fan_out_ledger (
    writer text PRIMARY KEY,
    planned bigint NOT NULL,
    made bigint NOT NULL
  );
  `,
  `
  -- Redrives walk the index of ended deliveries, by state, endpoint and number; one that runs begins its walk again.
  ALTER TABLE posthorn.redrives ADD COLUMN name text, ADD COLUMN skipped int NOT NULL DEFAULT 0,
    ADD COLUMN summary json NOT NULL DEFAULT '{}', ADD COLUMN cursor_state smallint NOT NULL DEFAULT 0,
    ADD COLUMN cursor_endpoint int NOT NULL DEFAULT -1, ADD COLUMN stepped_at bigint;
  -- The last number was the last one that matched; from here on it is a bound.
  UPDATE posthorn.redrives SET cursor = -1, last_number = last_number + 1;
  CREATE INDEX redrives_running ON posthorn.redrives (id) WHERE state = 'running';
  `,
  throttleColumns,
  // What it publishes under a key goes behind what of its tenant is still fanned out.
  publishSql,
  idempotencyTable,
  `
  -- A filter holds a list of values for each field.
  UPDATE posthorn.redrives SET filter = (SELECT coalesce(jsonb_object_agg(
      CASE key WHEN 'tenant' THEN 'tenants' WHEN 'endpointId' THEN 'endpointIds' WHEN 'eventId' THEN 'eventIds'
        WHEN 'eventType' THEN 'eventTypes' WHEN 'state' THEN 'states' WHEN 'errorClass' THEN 'errorClasses' ELSE key END,
      CASE WHEN key IN ('since', 'until') THEN value ELSE jsonb_build_array(value) END), '{}') FROM jsonb_each(filter));
  -- Ids are listed by code unit, whatever the database's own order is.
  CREATE INDEX redrives_listed ON posthorn.redrives (id COLLATE "C");
  `,
  `
  -- The caller's own name for an endpoint.
  ALTER TABLE posthorn.endpoints ADD COLUMN name text;
  UPDATE posthorn.endpoints SET document = document || '{"name": null}';
  CREATE UNIQUE INDEX endpoints_named ON posthorn.endpoints (tenant, name) WHERE deleted_at IS NULL AND name IS NOT NULL;
  `,
  keysTable,
  auditLogTables,
  blockingMigration,
  senderInAlerts,
  // Filters compare and combine.
  `${filterParts}
  ${publishSql}`,
  secretsMigration,
  serverCertificateColumns,
  failingColumns,
  failingDelivered,
  heldColumns,
  sessionsTable,
  // Endpoints may reshape what they send.
  `UPDATE posthorn.endpoints SET document = document || '{"transformation": null}'`,
  // Receipts say whether any endpoint takes the event.
  publishSql,
  searchMigration,
  retriedIndex,
  attemptWireColumns,
  worthTable,
  // What is suppressed from the start is worth something.
  publishSql,
  markersTable,
  bulkJobs,
  snoozesTable,
  bulkWindows,
  contactMigration,
  markerSubjects,
  // It counts in the table of the new name.
  `${countersTable}
  ${publishSql}`,
  shardsTable,
  `${routingKeysColumn}
  ${dropPublish}
  ${publishSql}
  ${sameGrants}`,
  // `publish` works on distributed tables, and does not compare data that were deleted.
  `${dataDeletedColumn}
  ${publishSql}`,
  // An event that is published again without its time equals the one that was stored with it.
  publishSql,
  inFlightIndex,
];

const maxNamed = 5;

/** Tables with their columns, and functions, after so many migrations. */
export function expectedParts(version = migrations.length): ReadonlySet<string> {
  return partsMadeBy(migrations.slice(0, version).flatMap(statementsOf));
}

/** A number is only a claim: a database of an unreleased build, or one that was edited, may lack what its number promises. */
async function requireParts(db: Pick<Connection, 'query'>, version: number): Promise<void> {
  const missing = missingParts(expectedParts(version), await partsThere(db));
  if (missing.length === 0) return;
  const more = missing.length > maxNamed ? ` and ${missing.length - maxNamed} more` : '';
  throw new StoreOpenError(
    `this database says that it has schema ${version} of Posthorn, but lacks ${missing.slice(0, maxNamed).join(', ')}${more}: it was migrated by an unreleased build or changed by hand; restore a backup, or use the build that migrated it`,
  );
}

const newer = (version: number): StoreOpenError =>
  new StoreOpenError(
    `this database was migrated by a newer Posthorn (schema ${version}, this one knows ${migrations.length}); use that version, or a newer one`,
  );

/** Refuses a database without Posthorn's schema, or with another version of it; changes nothing. */
export async function checkMigrated(db: Database): Promise<void> {
  const [there] = await db.query('', "SELECT to_regclass('posthorn.migrations') IS NOT NULL");
  if (there![0] !== true)
    throw new StoreOpenError(
      'Posthorn has not been set up in this database; correct the database URL, or run `posthorn migrate` on it',
    );
  const [row] = await db.query('', 'SELECT coalesce(max(number), 0) FROM posthorn.migrations');
  const version = row![0] as number;
  if (version > migrations.length) throw newer(version);
  if (version < migrations.length)
    throw new StoreOpenError(
      `this database has schema ${version}, and this Posthorn reads ${migrations.length}: run \`posthorn migrate\` on it, or start \`posthorn serve\` once`,
    );
  await requireParts(db, version);
}

/** Brings the schema up to date; refuses a database that a newer Posthorn has migrated, or that is not what its number says. */
export async function migrate(db: Database): Promise<void> {
  await db.transaction(async (connection) => {
    await connection.query('', 'SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    // Citus refuses tables and functions in one transaction otherwise; to a server without it the setting means nothing.
    await connection.query('', "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'");
    // Asked first, because IF NOT EXISTS wants the right to create also where nothing is created.
    const [there] = await connection.query(
      '',
      "SELECT to_regnamespace('posthorn') IS NOT NULL, to_regclass('posthorn.migrations') IS NOT NULL",
    );
    if (there![0] !== true) await connection.query('', 'CREATE SCHEMA posthorn');
    if (there![1] !== true)
      await connection.query('', 'CREATE TABLE posthorn.migrations (number int PRIMARY KEY)');
    const [row] = await connection.query('', 'SELECT coalesce(max(number), 0) FROM posthorn.migrations');
    const version = row![0] as number;
    if (version > migrations.length) throw newer(version);
    await requireParts(connection, version);
    for (let at = version; at < migrations.length; at++) {
      for (const statement of statementsOf(migrations[at]!)) await connection.query('', statement);
      await connection.query('', 'INSERT INTO posthorn.migrations (number) VALUES ($1)', [at + 1]);
    }
  });
}

/** The statements of a migration; a function's body stands between $body$ marks. */
export function statementsOf(text: string): string[] {
  return text
    .split(/(\$body\$[\s\S]*?\$body\$)/)
    .reduce<string[]>(
      (statements, part, index) => {
        if (index % 2 === 1) {
          statements[statements.length - 1] += part;
          return statements;
        }
        const [first, ...rest] = part.split(/;\s*$/m);
        statements[statements.length - 1] += first!;
        statements.push(...rest);
        return statements;
      },
      [''],
    )
    .filter((statement) => statement.replaceAll(/--.*$/gm, '').trim() !== '');
}
