import type { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../../domain/errors.ts';
import { damageOf, primaryCode } from './damage.ts';
import { blockingMigration, heldColumns } from './blocking.ts';
import { idempotencyTable } from './idempotency.ts';
import { secretsMigration } from './sealed-settings.ts';
import { endedIndex, retriedIndex, searchMigration } from './search.ts';
import { attemptWireColumns } from './settle.ts';
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
  senderInAlerts,
  serverCertificateColumns,
  sessionsTable,
  snoozesTable,
  throttleColumns,
} from './tables.ts';
import { worthTable } from './worth.ts';
import { missingParts } from './schema-check.ts';

/** SQLITE_ERROR: the statement does not fit the database. */
const genericError = 1;

/**
 * Migrations in order; a database's `user_version` says how many it has had. Never edit one that was released.
 *
 * A number in `events` and `deliveries` carries its shard in the low six bits, so the integer key is
 * (sequence, shard) in one and inserts stay appends.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE endpoints (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    document TEXT NOT NULL,
    deleted_at INTEGER
  );

  CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    shard INTEGER GENERATED ALWAYS AS (number % 64) VIRTUAL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    ordering_key TEXT,
    occurred_at INTEGER,
    accepted_at INTEGER NOT NULL,
    amount_minor INTEGER,
    currency TEXT,
    deliveries INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    filtered INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX events_id ON events (shard, tenant, id);
  -- Events that nobody wanted: the pruner's way to them.
  CREATE INDEX events_unwanted ON events (accepted_at) WHERE deliveries = 0;

  -- Where an ordering key puts an event outside the shard of its id, this row guards the id.
  CREATE TABLE receipts (
    shard INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    event_number INTEGER NOT NULL,
    PRIMARY KEY (shard, tenant, id)
  ) WITHOUT ROWID;

  CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY,
    shard INTEGER GENERATED ALWAYS AS (number % 64) VIRTUAL,
    event_number INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    state INTEGER NOT NULL,
    -- Not null exactly while pending (G2).
    due_at INTEGER,
    claim INTEGER NOT NULL DEFAULT 0,
    claimed_by TEXT,
    -- Attempts in all, and those of the running schedule: a redrive begins a new one.
    attempts INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    trigger INTEGER NOT NULL DEFAULT 0,
    redrives INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    reason TEXT,
    order_key TEXT,
    error_class TEXT,
    status_code INTEGER,
    message TEXT,
    CHECK ((state = 0) = (due_at IS NOT NULL))
  );
  CREATE INDEX deliveries_due ON deliveries (endpoint, due_at) WHERE state = 0;
  CREATE INDEX deliveries_order ON deliveries (endpoint, order_key, number) WHERE state = 0 AND order_key IS NOT NULL;
  -- Delivered rows, nearly all there are, are in neither of the two: settling one touches no further index.
  CREATE INDEX deliveries_ended ON deliveries (state, endpoint, number) WHERE state >= 2;
  CREATE INDEX deliveries_event ON deliveries (event_number);

  CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    n INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status_code INTEGER,
    outcome TEXT NOT NULL,
    error_class TEXT,
    message TEXT,
    response_excerpt TEXT,
    trigger INTEGER NOT NULL,
    node TEXT NOT NULL,
    PRIMARY KEY (delivery, n)
  ) WITHOUT ROWID;

  -- Counts by the hour in which a delivery was accepted, whatever the time of its outcome: so any
  -- window balances by itself. This store has one writer, whose counters all stand in shard 0.
  CREATE TABLE ledger (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    late INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    first_attempts INTEGER NOT NULL,
    first_delivered INTEGER NOT NULL,
    pruned_delivered INTEGER NOT NULL,
    pruned_dead INTEGER NOT NULL,
    pruned_cancelled INTEGER NOT NULL,
    pruned_suppressed INTEGER NOT NULL,
    PRIMARY KEY (shard, endpoint, hour)
  ) WITHOUT ROWID;

  CREATE TABLE event_ledger (
    shard INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    events INTEGER NOT NULL,
    unmatched INTEGER NOT NULL,
    PRIMARY KEY (shard, tenant, hour)
  ) WITHOUT ROWID;

  CREATE TABLE latency (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (shard, endpoint, hour, bucket)
  ) WITHOUT ROWID;

  CREATE TABLE redrives (
    id TEXT PRIMARY KEY,
    filter TEXT NOT NULL,
    rate_per_s REAL,
    dry_run INTEGER NOT NULL,
    state TEXT NOT NULL,
    matched INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    -- Deliveries up to \`last_number\` existed when the job began; it has come to \`cursor\`.
    cursor INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  ) WITHOUT ROWID;
  `,
  `
  -- What people declare: teams, channels.
  CREATE TABLE documents (kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
  CREATE TABLE alerts (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  -- The same counts by event type and by the minute of acceptance; store/folding.ts makes them coarse later.
  CREATE TABLE tallies (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    type TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    late INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    first_attempts INTEGER NOT NULL,
    first_delivered INTEGER NOT NULL,
    recovered INTEGER NOT NULL,
    PRIMARY KEY (shard, endpoint, minute, type)
  ) WITHOUT ROWID;
  CREATE INDEX tallies_fine ON tallies (minute) WHERE minute % 1440 <> 0;
  CREATE INDEX ledger_fine ON ledger (hour) WHERE hour % 24 <> 0;

  CREATE TABLE failures (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    type TEXT NOT NULL,
    class TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (shard, endpoint, hour, type, class)
  ) WITHOUT ROWID;
  CREATE INDEX failures_fine ON failures (hour) WHERE hour % 24 <> 0;

  -- Endpoints of before follow no template: what they do, they say themselves.
  UPDATE endpoints SET document = json_set(document, '$.templateVersion', NULL, '$.own', json('["timeoutMs", "deliverWithinMs", "retry"]'));

  -- What was counted before stands under no type.
  INSERT INTO tallies SELECT shard, endpoint, hour * 60, '', accepted, delivered, dead, cancelled, suppressed, late, superseded,
    first_attempts, first_delivered, 0 FROM ledger;

  ALTER TABLE latency RENAME TO former_latency;
  CREATE TABLE latency (
    shard INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    type TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (shard, endpoint, hour, bucket, type)
  ) WITHOUT ROWID;
  CREATE INDEX latency_hour ON latency (hour);
  -- Older ones: a histogram by the day, as JSON of counts by bucket.
  CREATE TABLE latency_days (
    endpoint INTEGER NOT NULL,
    day INTEGER NOT NULL,
    type TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (endpoint, day, type)
  ) WITHOUT ROWID;
  INSERT INTO latency SELECT shard, endpoint, hour, bucket, '', count FROM former_latency;
  DROP TABLE former_latency;

  ALTER TABLE event_ledger RENAME TO former_event_ledger;
  CREATE TABLE event_ledger (
    shard INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    type TEXT NOT NULL,
    events INTEGER NOT NULL,
    unmatched INTEGER NOT NULL,
    PRIMARY KEY (shard, tenant, hour, type)
  ) WITHOUT ROWID;
  CREATE INDEX event_ledger_fine ON event_ledger (hour) WHERE hour % 24 <> 0;
  INSERT INTO event_ledger SELECT shard, tenant, hour, '', events, unmatched FROM former_event_ledger;
  DROP TABLE former_event_ledger;
  `,
  breakerColumns,
  // The digest of what is stored of an event (store/digest.ts); null where it was accepted before there was one.
  'ALTER TABLE events ADD COLUMN digest TEXT',
  `
  -- Fan-outs that are not complete, and their events; \`targets\` and \`wanted\` are described in store/fan-out.ts.
  CREATE TABLE fan_outs (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    moved_at INTEGER NOT NULL,
    targets TEXT NOT NULL
  );
  CREATE INDEX fan_outs_tenant ON fan_outs (tenant, id);
  CREATE TABLE fan_out_events (
    fan_out INTEGER NOT NULL,
    place INTEGER NOT NULL,
    event_number INTEGER NOT NULL,
    type TEXT NOT NULL,
    ordering_key TEXT,
    wanted TEXT,
    cursor INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    PRIMARY KEY (fan_out, place)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX fan_out_events_event ON fan_out_events (event_number);
  -- What was planned and what was made, ever: a fan-out that vanishes leaves a difference (G6).
  CREATE TABLE fan_out_ledger (
    writer TEXT PRIMARY KEY,
    planned INTEGER NOT NULL,
    made INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  -- Redrives walk the index of ended deliveries, by state, endpoint and number; one that runs begins its walk again.
  ALTER TABLE redrives ADD COLUMN name TEXT;
  ALTER TABLE redrives ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE redrives ADD COLUMN summary TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE redrives ADD COLUMN cursor_state INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE redrives ADD COLUMN cursor_endpoint INTEGER NOT NULL DEFAULT -1;
  ALTER TABLE redrives ADD COLUMN stepped_at INTEGER;
  UPDATE redrives SET cursor = -1;
  CREATE INDEX redrives_running ON redrives (id) WHERE state = 'running';
  `,
  throttleColumns,
  idempotencyTable,
  `
  -- A filter holds a list of values for each field.
  UPDATE redrives SET filter = (SELECT json_group_object(
      CASE key WHEN 'tenant' THEN 'tenants' WHEN 'endpointId' THEN 'endpointIds' WHEN 'eventId' THEN 'eventIds'
        WHEN 'eventType' THEN 'eventTypes' WHEN 'state' THEN 'states' WHEN 'errorClass' THEN 'errorClasses' ELSE key END,
      json(CASE WHEN key IN ('since', 'until') THEN value ELSE json_array(value) END)) FROM json_each(filter));
  `,
  `
  -- The caller's own name for an endpoint.
  ALTER TABLE endpoints ADD COLUMN name TEXT;
  UPDATE endpoints SET document = json_set(document, '$.name', NULL);
  CREATE UNIQUE INDEX endpoints_named ON endpoints (tenant, name) WHERE deleted_at IS NULL AND name IS NOT NULL;
  `,
  keysTable,
  auditLogTables,
  blockingMigration,
  senderInAlerts,
  secretsMigration,
  serverCertificateColumns,
  failingColumns,
  failingDelivered,
  heldColumns,
  sessionsTable,
  // Endpoints may reshape what they send.
  `UPDATE endpoints SET document = json_set(document, '$.transformation', json('null'))`,
  searchMigration,
  retriedIndex,
  attemptWireColumns,
  worthTable,
  markersTable,
  bulkJobs,
  snoozesTable,
  bulkWindows,
  contactMigration,
  markerSubjects,
  countersTable,
  routingKeysColumn,
  dataDeletedColumn,
  endedIndex,
];

const maxNamed = 5;

function versionOf(db: DatabaseSync): number {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version < 0) throw damageOf(pathOf(db), `its schema number is ${version}`);
  if (version > migrations.length)
    throw new StoreOpenError(
      `the data directory was written by a newer Posthorn (schema ${version}, this one knows ${migrations.length}); use that version, or a newer one`,
    );
  return version;
}

function pathOf(db: DatabaseSync): string {
  return db.location() ?? ':memory:';
}

/** A number is only a claim: a database of an unreleased build, or one that was edited, may lack what its number promises. */
function requireParts(db: DatabaseSync, version: number): void {
  const missing = missingParts(db, migrations.slice(0, version));
  if (missing.length === 0) return;
  const more = missing.length > maxNamed ? ` and ${missing.length - maxNamed} more` : '';
  throw new StoreOpenError(
    `${pathOf(db)} says that it has schema ${version}, but lacks ${missing.slice(0, maxNamed).join(', ')}${more}: it was written by an unreleased build or changed by hand; restore a backup, or use the build that wrote it`,
  );
}

/** For reading: refuses another schema than this Posthorn's, and changes nothing. */
export function checkSchema(db: DatabaseSync): void {
  const version = versionOf(db);
  if (version === 0)
    throw new StoreOpenError(
      `${pathOf(db)} is empty: restore a backup if it ever held events; else start \`posthorn serve\` on it once`,
    );
  if (version < migrations.length)
    throw new StoreOpenError(
      `${pathOf(db)} has schema ${version}, and this Posthorn reads ${migrations.length}: start \`posthorn serve\` on it once, which brings it up to date`,
    );
  requireParts(db, version);
}

/**
 * Brings the schema up to date, wholly or not at all; refuses a database that a newer Posthorn has written, or that is not what its
 * number says. One transaction: a commit for each migration waited for the disk 36 times before a new data directory could be used.
 */
export function migrate(db: DatabaseSync): void {
  const version = versionOf(db);
  if (version > 0) requireParts(db, version);
  if (version === migrations.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.exec(`PRAGMA user_version = ${migrations.length}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    // A table of that name, a column that is there already: the file was not written by a release of Posthorn.
    if (primaryCode(error) !== genericError) throw error;
    throw new StoreOpenError(
      `${pathOf(db)} cannot be brought from schema ${version} to ${migrations.length} (${(error as Error).message}): it was not written by a released Posthorn; choose another directory with --data-dir, or restore a backup`,
      { cause: error },
    );
  }
}
