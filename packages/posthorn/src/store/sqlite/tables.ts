import { firstHash } from '../audit-log.ts';

// Migrations of what is written once (store/common).

/** A migration. `ends_at`: when the key stops working by revocation or expiry, whichever is first. */
export const keysTable = `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    tenant TEXT,
    document TEXT NOT NULL,
    revoked_at INTEGER,
    ends_at INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT
  );
  CREATE INDEX keys_ends_at ON keys (ends_at);
`;

/** A migration. */
export const sessionsTable = `
  CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX sessions_owner ON sessions (kind, owner, created_at, id);
  CREATE INDEX sessions_ends_at ON sessions (ends_at);
  CREATE INDEX sessions_seen_at ON sessions (seen_at) WHERE kind = 'session';
`;

/** A migration. */
export const markersTable = `
  CREATE TABLE markers (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    url TEXT,
    created_by TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX markers_at ON markers (at, id);
`;

/** A migration: who put it, and what it is about. */
export const markerSubjects = `
  ALTER TABLE markers ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE markers ADD COLUMN tenant TEXT;
  ALTER TABLE markers ADD COLUMN subject_kind TEXT;
  ALTER TABLE markers ADD COLUMN subject_id TEXT;
`;

/** A migration: when attempts at the endpoint's URL last succeeded and failed, and since when they only fail. */
export const contactMigration = `
  ALTER TABLE endpoints ADD COLUMN last_success_at INTEGER;
  ALTER TABLE endpoints ADD COLUMN last_failure_at INTEGER;
  ALTER TABLE endpoints ADD COLUMN failed_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN failures_in_a_row INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN last_error_class TEXT;
  ALTER TABLE endpoints ADD COLUMN last_status_code INTEGER;
`;

/** A migration. */
export const auditLogTables = `
  CREATE TABLE audit_log (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL,
    tenant TEXT,
    document TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    seal TEXT
  );
  CREATE INDEX audit_log_at ON audit_log (at);
  CREATE INDEX audit_log_actor ON audit_log (actor, sequence);
  CREATE INDEX audit_log_action ON audit_log (action, sequence);
  CREATE INDEX audit_log_target ON audit_log (target, target_kind, sequence);
  CREATE INDEX audit_log_tenant ON audit_log (tenant, sequence);
  -- One row: store/audit-log.ts says what it is for.
  CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    first_sequence INTEGER NOT NULL,
    first_previous_hash TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    sealed_from INTEGER,
    seal TEXT
  );
  INSERT INTO audit_head VALUES (1, 1, '${firstHash}', 0, '${firstHash}', NULL, NULL);
`;

/** A migration: groups of dead letters that may wait. */
export const snoozesTable = `
  CREATE TABLE dead_letter_snoozes (
    group_id TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    document TEXT NOT NULL
  ) WITHOUT ROWID;
`;

/** A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. */
export const breakerColumns = `
  ALTER TABLE endpoints ADD COLUMN breaker_open_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN breaker_at INTEGER;
  CREATE INDEX endpoints_broken ON endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

/** A migration: until when the receiver asked for no requests, and when that was learned or cleared. */
export const throttleColumns = `
  ALTER TABLE endpoints ADD COLUMN throttled_until INTEGER;
  ALTER TABLE endpoints ADD COLUMN throttled_at INTEGER;
  CREATE INDEX endpoints_throttled ON endpoints (throttled_until) WHERE throttled_until IS NOT NULL;
`;

/** A migration: the certificate that the receiver presented last, when it ends, and when it was seen. */
export const serverCertificateColumns = `
  ALTER TABLE endpoints ADD COLUMN server_certificate TEXT;
  ALTER TABLE endpoints ADD COLUMN server_certificate_ends INTEGER;
  ALTER TABLE endpoints ADD COLUMN server_certificate_at INTEGER;
  CREATE INDEX endpoints_server_certificate ON endpoints (server_certificate_ends) WHERE server_certificate_ends IS NOT NULL;
`;

/**
 * A migration: since when an endpoint has only failed, and how often. Failures of before `failing_after` count no more: of
 * before its last success, or before it began anew.
 */
export const failingColumns = `
  UPDATE endpoints SET document = json_set(document, '$.disableAfterMs', NULL);
  ALTER TABLE endpoints ADD COLUMN failing_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN failing_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN failing_after INTEGER;
  CREATE INDEX endpoints_failing ON endpoints (id) WHERE failing_since IS NOT NULL;
`;

/** A migration: how many deliveries had succeeded when the failures began. */
export const failingDelivered = 'ALTER TABLE endpoints ADD COLUMN failing_delivered INTEGER';

/** A migration: objectives' alerts called the sender's side `ours`. */
export const senderInAlerts = `
  UPDATE alerts SET document = json_set(document, '$.evidence.fault_domain', 'sender', '$.group',
      CASE WHEN json_extract(document, '$.group') LIKE '%/ours'
        THEN substr(json_extract(document, '$.group'), 1, length(json_extract(document, '$.group')) - 4) || 'sender'
        ELSE json_extract(document, '$.group') END)
    WHERE json_valid(document) AND json_extract(document, '$.evidence.fault_domain') = 'ours';
`;

/**
 * A migration: the counters by type and minute have the name that they have everywhere else. SQLite cannot rename the index
 * `tallies_fine`, and to build it again would read the whole table.
 */
export const countersTable = 'ALTER TABLE tallies RENAME TO counters';

/** A migration: who began a job, replays beside redrives, and which deliveries are whose. */
export const bulkJobs = `
  ALTER TABLE redrives ADD COLUMN kind TEXT NOT NULL DEFAULT 'redrive';
  -- The endpoint of a replay to one.
  ALTER TABLE redrives ADD COLUMN target TEXT;
  ALTER TABLE redrives ADD COLUMN actor TEXT;
  ALTER TABLE redrives ADD COLUMN stop_reason TEXT;
  UPDATE redrives SET stop_reason = 'asked' WHERE state = 'stopped';
  -- The first deliveries, while the job waits for their outcomes (store/first-sent.ts).
  ALTER TABLE redrives ADD COLUMN first_sent TEXT;
  -- The last job that took it.
  ALTER TABLE deliveries ADD COLUMN redrive_id TEXT;
  CREATE INDEX deliveries_redrive ON deliveries (redrive_id, state) WHERE redrive_id IS NOT NULL;
`;

/** A migration: what a job need not read, because it is older than its window. */
export const bulkWindows = 'ALTER TABLE redrives ADD COLUMN first_number INTEGER NOT NULL DEFAULT 0;';

/** A migration: events have routing keys. */
export const routingKeysColumn = 'ALTER TABLE events ADD COLUMN routing_keys TEXT';

/** A migration: when an event's data were deleted; null: they are there. */
export const dataDeletedColumn = 'ALTER TABLE events ADD COLUMN data_deleted_at INTEGER';
