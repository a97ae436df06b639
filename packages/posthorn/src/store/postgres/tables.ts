import { firstHash } from '../audit-log.ts';

// Migrations of what is written once (store/common).

/** A migration. `ends_at`: when the key stops working by revocation or expiry, whichever is first. */
export const keysTable = `
  CREATE TABLE posthorn.keys (
    id text PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    tenant text,
    document json NOT NULL,
    revoked_at bigint,
    ends_at bigint,
    last_used_at bigint,
    last_used_from text
  );
  CREATE INDEX keys_listed ON posthorn.keys (id COLLATE "C");
  CREATE INDEX keys_ends_at ON posthorn.keys (ends_at DESC NULLS FIRST);
  INSERT INTO posthorn.settings (name, value) VALUES ('keys_version', '0');
`;

/** A migration. */
export const sessionsTable = `
  CREATE TABLE posthorn.sessions (
    hash text PRIMARY KEY,
    id text NOT NULL,
    kind text NOT NULL,
    owner text NOT NULL,
    document json NOT NULL,
    created_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    seen_at bigint NOT NULL
  );
  CREATE INDEX sessions_owner ON posthorn.sessions (kind, owner, created_at, id COLLATE "C");
  CREATE INDEX sessions_ends_at ON posthorn.sessions (ends_at);
  CREATE INDEX sessions_seen_at ON posthorn.sessions (seen_at) WHERE kind = 'session';
`;

/** A migration. */
export const markersTable = `
  CREATE TABLE posthorn.markers (
    id text PRIMARY KEY,
    at bigint NOT NULL,
    kind text NOT NULL,
    label text NOT NULL,
    url text,
    created_by text NOT NULL
  );
  CREATE INDEX markers_at ON posthorn.markers (at, id COLLATE "C");
`;

/** A migration: who put it, and what it is about. */
export const markerSubjects = `
  ALTER TABLE posthorn.markers ADD COLUMN automatic integer NOT NULL DEFAULT 0;
  ALTER TABLE posthorn.markers ADD COLUMN tenant text;
  ALTER TABLE posthorn.markers ADD COLUMN subject_kind text;
  ALTER TABLE posthorn.markers ADD COLUMN subject_id text;
`;

/**
 * A migration: when attempts at the endpoint's URL last succeeded and failed, and since when they only fail. It leaves the
 * version of the configuration alone, because no fan-out depends on it.
 */
export const contactMigration = `
  ALTER TABLE posthorn.endpoints ADD COLUMN last_success_at bigint, ADD COLUMN last_failure_at bigint,
    ADD COLUMN failed_since bigint, ADD COLUMN failures_in_a_row int NOT NULL DEFAULT 0,
    ADD COLUMN last_error_class text, ADD COLUMN last_status_code int;
`;

/** A migration. The document is text, because its hash is that of the text. */
export const auditLogTables = `
  CREATE TABLE posthorn.audit_log (
    sequence bigint PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target_kind text NOT NULL,
    target text NOT NULL,
    tenant text,
    document text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    seal text
  );
  CREATE INDEX audit_log_at ON posthorn.audit_log (at);
  CREATE INDEX audit_log_actor ON posthorn.audit_log (actor, sequence);
  CREATE INDEX audit_log_action ON posthorn.audit_log (action, sequence);
  CREATE INDEX audit_log_target ON posthorn.audit_log (target, target_kind, sequence);
  CREATE INDEX audit_log_tenant ON posthorn.audit_log (tenant, sequence);
  -- One row: store/audit-log.ts says what it is for. Its lock makes appenders take turns.
  CREATE TABLE posthorn.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    first_sequence bigint NOT NULL,
    first_previous_hash text NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL,
    sealed_from bigint,
    seal text
  );
  INSERT INTO posthorn.audit_head VALUES (true, 1, '${firstHash}', 0, '${firstHash}', NULL, NULL);
`;

/** A migration: groups of dead letters that may wait. */
export const snoozesTable = `
  CREATE TABLE posthorn.dead_letter_snoozes (group_id text PRIMARY KEY, until bigint NOT NULL, document jsonb NOT NULL);
`;

/**
 * A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. It leaves the
 * version of the configuration alone, because no fan-out depends on it.
 */
export const breakerColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN breaker_open_since bigint, ADD COLUMN breaker_at bigint;
  CREATE INDEX endpoints_broken ON posthorn.endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

/** A migration: until when the receiver asked for no requests, and when that was learned or cleared. */
export const throttleColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN throttled_until bigint, ADD COLUMN throttled_at bigint;
  CREATE INDEX endpoints_throttled ON posthorn.endpoints (throttled_until) WHERE throttled_until IS NOT NULL;
`;

/** A migration: the certificate that the receiver presented last, when it ends, and when it was seen. */
export const serverCertificateColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN server_certificate jsonb, ADD COLUMN server_certificate_ends bigint,
    ADD COLUMN server_certificate_at bigint;
  CREATE INDEX endpoints_server_certificate ON posthorn.endpoints (server_certificate_ends)
    WHERE server_certificate_ends IS NOT NULL;
`;

/**
 * A migration: since when an endpoint has only failed, and how often. Failures of before `failing_after` count no more: of
 * before its last success, or before it began anew.
 */
export const failingColumns = `
  UPDATE posthorn.endpoints SET document = document || '{"disableAfterMs": null}';
  ALTER TABLE posthorn.endpoints ADD COLUMN failing_since bigint, ADD COLUMN failing_count int NOT NULL DEFAULT 0,
    ADD COLUMN failing_after bigint;
  CREATE INDEX endpoints_failing ON posthorn.endpoints (id) WHERE failing_since IS NOT NULL;
`;

/** A migration: how many deliveries had succeeded when the failures began. */
export const failingDelivered = 'ALTER TABLE posthorn.endpoints ADD COLUMN failing_delivered bigint';

/** A migration: objectives' alerts called the sender's side `ours`. Of immutable functions alone, as a distributed database wants. */
export const senderInAlerts = `
  UPDATE posthorn.alerts SET document = regexp_replace(
      replace(document::text, '"fault_domain":"ours"', '"fault_domain":"sender"'), '"group":"([^"]*)/ours"', '"group":"\\1/sender"')::json
    WHERE document -> 'evidence' ->> 'fault_domain' = 'ours';
`;

/**
 * A migration: the counters by type and minute have the name that they have everywhere else. Renamed, not copied: there may be
 * millions. Nodes of the version before write through the view until they are replaced.
 */
export const countersTable = `
  ALTER TABLE posthorn.tallies RENAME TO counters;
  ALTER INDEX posthorn.tallies_pkey RENAME TO counters_pkey;
  ALTER INDEX posthorn.tallies_fine RENAME TO counters_fine;
  CREATE VIEW posthorn.tallies AS SELECT * FROM posthorn.counters;
`;

/** A migration: who began a job, replays beside redrives, and which deliveries are whose. */
export const bulkJobs = `
  ALTER TABLE posthorn.redrives ADD COLUMN kind text NOT NULL DEFAULT 'redrive', ADD COLUMN target text, ADD COLUMN actor json,
    ADD COLUMN stop_reason text, ADD COLUMN first_sent json;
  UPDATE posthorn.redrives SET stop_reason = 'asked' WHERE state = 'stopped';
  ALTER TABLE posthorn.deliveries ADD COLUMN redrive_id text;
  CREATE INDEX deliveries_redrive ON posthorn.deliveries (redrive_id, state) WHERE redrive_id IS NOT NULL;
`;

/** A migration: what a job need not read, because it is older than its window; its deliveries in the order of their numbers. */
export const bulkWindows = `
  ALTER TABLE posthorn.redrives ADD COLUMN first_number bigint NOT NULL DEFAULT 0;
  DROP INDEX posthorn.deliveries_redrive;
  CREATE INDEX deliveries_redrive ON posthorn.deliveries (redrive_id, state, number) WHERE redrive_id IS NOT NULL;
`;

/** A migration: events have routing keys. `publish` takes one parameter more: the function of the version before has to go first. */
export const routingKeysColumn = `
  ALTER TABLE posthorn.events ADD COLUMN routing_keys text;
`;

/** A migration: when an event's data were deleted; null: they are there. */
export const dataDeletedColumn = `
  ALTER TABLE posthorn.events ADD COLUMN data_deleted_at bigint;
`;

/**
 * Drops `posthorn.publish` of the signature before; `sameGrants`, after the new one is made, lets those call it who could call that
 * one. Without a list of its own, everyone may.
 */
export const dropPublish = `
  DO $body$
  BEGIN
    PERFORM set_config('posthorn.grants', coalesce((
      SELECT 'REVOKE ALL ON FUNCTION posthorn.publish FROM PUBLIC;' || coalesce((
        SELECT string_agg(format('GRANT EXECUTE ON FUNCTION posthorn.publish TO %s%s;',
          CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
          CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '')
        FROM aclexplode(proacl) WHERE grantee <> proowner), '')
      FROM pg_proc WHERE pronamespace = 'posthorn'::regnamespace AND proname = 'publish' AND pronargs = 8 AND proacl IS NOT NULL), ''), true);
  END
  $body$;
  DROP FUNCTION IF EXISTS posthorn.publish(text, text, json, text, text, timestamptz, bigint, text);
`;

export const sameGrants = `
  DO $body$
  BEGIN
    IF current_setting('posthorn.grants') <> '' THEN EXECUTE current_setting('posthorn.grants'); END IF;
  END
  $body$;
`;
