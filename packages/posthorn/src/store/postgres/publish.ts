import { postgresDigest } from '../digest.ts';
import { passesFilterSql } from './filter-sql.ts';
import { addWorth, worthInsert } from './worth.ts';

/**
 * `posthorn.publish`: an event accepted inside the transaction of an application that shares the database, so that a
 * payment and its event commit together or not at all. The same rules as `domain/` and `store/plan.ts`, in SQL:
 * test/integration/transactional-publish.test.ts holds the two against each other.
 *
 * Counters go to a row of the calling backend alone (`sql:<pid>`), so that a long transaction of one application never
 * makes another one wait; housekeeping folds them together when their hour is over.
 */
export const publishSql = `
  CREATE OR REPLACE FUNCTION posthorn.shard_hash(tenant text, key text) RETURNS smallint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
  -- FNV-1a over UTF-16 units of tenant, NUL, key; see domain/shard.ts.
  DECLARE
    h bigint := 2166136261;
    part text;
    code int;
    units int[];
    unit int;
  BEGIN
    FOREACH part IN ARRAY ARRAY[tenant, NULL, key] LOOP
      IF part IS NULL THEN
        h := (h * 16777619) & 4294967295;
        CONTINUE;
      END IF;
      FOR i IN 1 .. char_length(part) LOOP
        code := ascii(substr(part, i, 1));
        units := CASE WHEN code > 65535
          THEN ARRAY[55296 + ((code - 65536) >> 10), 56320 + ((code - 65536) & 1023)] ELSE ARRAY[code] END;
        FOREACH unit IN ARRAY units LOOP
          h := ((h # unit) * 16777619) & 4294967295;
        END LOOP;
      END LOOP;
    END LOOP;
    RETURN ((h # (h >> 15)) % 64)::smallint;
  END $body$;

  CREATE OR REPLACE FUNCTION posthorn.event_shard(tenant text, id text) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
    SELECT CASE WHEN id ~ '^evt_[0-9a-hjkmnp-tv-z]{24}[01][0-9a-hjkmnp-tv-z]$'
      THEN ((strpos('01', substr(id, 29, 1)) - 1) * 32 + strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(id, 30, 1)) - 1)::smallint
      ELSE posthorn.shard_hash(tenant, id) END
  $body$;

  CREATE OR REPLACE FUNCTION posthorn.new_event_id(now_ms bigint, shard int) RETURNS text LANGUAGE sql VOLATILE STRICT AS $body$
    SELECT 'evt_' || (
      SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', ((now_ms >> (5 * (9 - i))) & 31)::int + 1, 1), '' ORDER BY i)
      FROM generate_series(0, 9) AS i) || (
      SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', (get_byte(r.bytes, i) & 31) + 1, 1), '' ORDER BY i)
      FROM (SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex') AS bytes) r, generate_series(0, 13) AS i)
      || substr('01', shard / 32 + 1, 1) || substr('0123456789abcdefghjkmnpqrstvwxyz', shard % 32 + 1, 1)
  $body$;

  CREATE OR REPLACE FUNCTION posthorn.subscribes(event_types jsonb, type text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
    SELECT EXISTS (SELECT FROM jsonb_array_elements_text(event_types) AS p (pattern)
      WHERE p.pattern = '*' OR p.pattern = type OR (right(p.pattern, 2) = '.*' AND starts_with(type, left(p.pattern, -1))))
  $body$;

  CREATE OR REPLACE FUNCTION posthorn.at_pointer(data jsonb, pointer text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
  DECLARE
    step text;
    node jsonb := data;
  BEGIN
    IF pointer = '' THEN RETURN data; END IF;
    FOREACH step IN ARRAY (string_to_array(pointer, '/'))[2:] LOOP
      step := replace(replace(step, '~1', '/'), '~0', '~');
      IF jsonb_typeof(node) = 'object' THEN node := node -> step;
      ELSIF jsonb_typeof(node) = 'array' AND step ~ '^(0|[1-9][0-9]{0,8})$' THEN node := node -> step::int;
      ELSE RETURN NULL;
      END IF;
      IF node IS NULL THEN RETURN NULL; END IF;
    END LOOP;
    RETURN node;
  END $body$;

${passesFilterSql}
  -- The value that data carries where its type is declared with one; see valueAt in service/catalog.ts.
  CREATE OR REPLACE FUNCTION posthorn.value_at(data jsonb, declared jsonb, OUT amount_minor bigint, OUT currency text)
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
  DECLARE
    found jsonb := posthorn.at_pointer(data, declared ->> 'amount');
    code jsonb := CASE WHEN starts_with(declared ->> 'currency', '/') THEN posthorn.at_pointer(data, declared ->> 'currency')
      ELSE declared -> 'currency' END;
    digits text := found #>> '{}';
  BEGIN
    IF jsonb_typeof(code) IS DISTINCT FROM 'string' OR code #>> '{}' !~ '^[A-Za-z]{3}$' THEN RETURN; END IF;
    IF jsonb_typeof(found) = 'number' THEN
      -- Whole, and exact in JavaScript.
      IF digits::numeric <> trunc(digits::numeric) OR abs(digits::numeric) > 9007199254740991 THEN RETURN; END IF;
    ELSIF jsonb_typeof(found) IS DISTINCT FROM 'string' OR digits !~ '^-?[0-9]{1,18}$' THEN RETURN;
    END IF;
    amount_minor := digits::numeric::bigint;
    currency := upper(code #>> '{}');
  END $body$;

  CREATE OR REPLACE FUNCTION posthorn.publish(
    tenant text, type text, data json, id text DEFAULT NULL, ordering_key text DEFAULT NULL, occurred_at timestamptz DEFAULT NULL,
    amount_minor bigint DEFAULT NULL, currency text DEFAULT NULL, routing_keys text[] DEFAULT NULL
  ) RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
  #variable_conflict use_column
  DECLARE
    now_ms bigint := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    occurred_ms bigint;
    amount bigint := publish.amount_minor;
    money text := upper(publish.currency);
    writer text := 'sql:' || pg_backend_pid();
    event_id text := publish.id;
    -- As domain/event.ts has them: sorted, each once; null: none.
    routing text := nullif(array_to_string(ARRAY(SELECT DISTINCT k COLLATE "C" FROM unnest(publish.routing_keys) AS k ORDER BY 1), ','), '');
    home smallint;
    shard smallint;
    event_number bigint;
    event_digest text;
    before record;
    wanted int[];
    suppressed_count int;
    wanted_count int;
    filtered_count int;
    waiting text;
    behind boolean := false;
    fan_out bigint;
  BEGIN
    IF publish.tenant IS NULL OR publish.tenant !~ '^[A-Za-z0-9._:-]{1,128}$' THEN
      RAISE EXCEPTION 'posthorn: tenant takes letters, digits and . _ : - only, at most 128' USING ERRCODE = '22023';
    END IF;
    IF publish.type IS NULL OR length(publish.type) > 256 OR publish.type !~ '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$' THEN
      RAISE EXCEPTION 'posthorn: type takes names separated by dots' USING ERRCODE = '22023';
    END IF;
    IF publish.data IS NULL OR octet_length(publish.data::text) > 262144 THEN
      RAISE EXCEPTION 'posthorn: data takes JSON of at most 262144 bytes' USING ERRCODE = '22023';
    END IF;
    -- What JavaScript can print as a date of four digits.
    IF NOT publish.occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31Z' THEN
      RAISE EXCEPTION 'posthorn: occurred_at lies between the years 1 and 9999' USING ERRCODE = '22023';
    END IF;
    IF publish.id !~ '^[^[:cntrl:]]{1,255}$' OR publish.ordering_key !~ '^[^[:cntrl:]]{1,255}$' THEN
      RAISE EXCEPTION 'posthorn: id and ordering_key take 1 to 255 characters and no control characters' USING ERRCODE = '22023';
    END IF;
    IF cardinality(publish.routing_keys) > 10 OR array_position(publish.routing_keys, NULL) IS NOT NULL
      OR EXISTS (SELECT FROM unnest(publish.routing_keys) AS k WHERE k !~ '^[A-Za-z0-9._:-]{1,128}$') THEN
      RAISE EXCEPTION 'posthorn: routing_keys takes at most 10 keys of letters, digits and . _ : -, at most 128' USING ERRCODE = '22023';
    END IF;
    IF (publish.amount_minor IS NULL) <> (money IS NULL) OR money !~ '^[A-Z]{3}$' THEN
      RAISE EXCEPTION 'posthorn: amount_minor and currency come together, and currency is an ISO 4217 code' USING ERRCODE = '22023';
    END IF;
    IF amount IS NULL THEN
      SELECT v.amount_minor, v.currency INTO amount, money
        FROM posthorn.documents d, posthorn.value_at(posthorn.readable(publish.data::text), d.document -> 'value') v
        WHERE d.kind = 'event_type' AND d.name = publish.type;
    END IF;

    occurred_ms := (extract(epoch FROM publish.occurred_at) * 1000)::bigint;
    IF event_id IS NULL THEN
      shard := CASE WHEN publish.ordering_key IS NULL THEN floor(random() * 64)::smallint
        ELSE posthorn.shard_hash(publish.tenant, publish.ordering_key) END;
      event_id := posthorn.new_event_id(now_ms, shard);
      home := shard;
    ELSE
      home := posthorn.event_shard(publish.tenant, event_id);
      shard := CASE WHEN publish.ordering_key IS NULL THEN home
        ELSE posthorn.shard_hash(publish.tenant, publish.ordering_key) END;
    END IF;
    event_number := nextval('posthorn.event_numbers') * 64 + shard;

    -- The receipt guards the id (G1): of two at once, the second waits here for the first and then finds it.
    INSERT INTO posthorn.receipts AS r (shard, tenant, id, event_number) VALUES (home, publish.tenant, event_id, event_number)
      ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      -- One shard after the other: the event may be in another one than its receipt.
      SELECT r.event_number INTO event_number FROM posthorn.receipts r
        WHERE r.shard = home AND r.tenant = publish.tenant AND r.id = event_id;
      SELECT e.* INTO before FROM posthorn.events e WHERE e.shard = (event_number & 63)::smallint AND e.number = event_number;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'posthorn: the event % was published by a concurrent transaction; try again', event_id USING ERRCODE = '40001';
      END IF;
      -- As sameBody in store/plan.ts: who leaves out when it happened contradicts no one, and the digest says what was published.
      occurred_ms := coalesce(occurred_ms, before.occurred_at);
      event_digest := (SELECT ${postgresDigest} FROM (SELECT publish.tenant AS tenant, event_id AS id, publish.type AS type,
        publish.ordering_key AS ordering_key, occurred_ms AS occurred_at, before.accepted_at AS accepted_at, amount AS amount_minor,
        money AS currency, routing AS routing_keys, publish.data::text AS data) e);
      IF event_digest IS DISTINCT FROM before.digest AND (
        before.type <> publish.type OR (before.data_deleted_at IS NULL AND before.data <> publish.data::text)
        OR before.ordering_key IS DISTINCT FROM publish.ordering_key OR before.occurred_at IS DISTINCT FROM occurred_ms
        OR before.routing_keys IS DISTINCT FROM routing OR before.amount_minor IS DISTINCT FROM amount OR before.currency IS DISTINCT FROM money) THEN
        RAISE EXCEPTION 'posthorn: the id % was used before for another event', event_id USING ERRCODE = '23505';
      END IF;
      RETURN jsonb_build_object('id', event_id, 'tenant', before.tenant, 'type', before.type, 'accepted_at', before.accepted_at,
        'deliveries', before.deliveries, 'suppressed', before.suppressed,
        'unmatched', before.deliveries = 0, 'duplicate', true);
    END IF;

    SELECT coalesce(array_agg(p.num ORDER BY p.num) FILTER (WHERE p.passes), '{}'), count(*) FILTER (WHERE p.passes),
        count(*) FILTER (WHERE p.passes AND NOT p.enabled), count(*) FILTER (WHERE NOT p.passes),
        left(string_agg(p.id, ' ') FILTER (WHERE p.passes AND p.enabled), 7000)
      INTO wanted, wanted_count, suppressed_count, filtered_count, waiting
      FROM (SELECT e.num, e.id, e.enabled, CASE
          WHEN jsonb_typeof(e.document -> 'routingKeys') = 'array'
            AND NOT coalesce(e.document -> 'routingKeys' ?| publish.routing_keys, false) THEN false
          WHEN jsonb_typeof(e.document -> 'filter') = 'object'
          -- Read once, by the first filter.
          THEN posthorn.passes_filter(e.document -> 'filter', (SELECT posthorn.readable(publish.data::text))) ELSE true END AS passes
        FROM posthorn.endpoints e WHERE e.tenant = publish.tenant AND e.deleted_at IS NULL
          AND posthorn.subscribes(e.document -> 'eventTypes', publish.type)) p;

    -- Citus takes no subquery within VALUES.
    event_digest := (SELECT ${postgresDigest} FROM (SELECT publish.tenant AS tenant, event_id AS id, publish.type AS type,
      publish.ordering_key AS ordering_key, occurred_ms AS occurred_at, now_ms AS accepted_at, amount AS amount_minor,
      money AS currency, routing AS routing_keys, publish.data::text AS data) e);
    INSERT INTO posthorn.events (shard, number, tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor, currency,
      deliveries, suppressed, filtered, routing_keys, digest)
    VALUES (shard, event_number, publish.tenant, event_id, publish.type, publish.data::text, publish.ordering_key, occurred_ms, now_ms,
      amount, money, wanted_count, suppressed_count, filtered_count, routing, event_digest);
    -- What is published under a key goes behind what of its tenant is still fanned out; see store/plan.ts.
    IF publish.ordering_key IS NOT NULL AND EXISTS (SELECT FROM posthorn.fan_outs o WHERE o.tenant = publish.tenant) THEN
      behind := EXISTS (SELECT FROM posthorn.endpoints e WHERE e.num = ANY (wanted) AND e.document ->> 'ordering' = 'key');
    END IF;
    IF behind THEN
      fan_out := nextval('posthorn.fan_out_numbers');
      INSERT INTO posthorn.fan_outs (id, tenant, accepted_at, moved_at, targets)
      SELECT fan_out, publish.tenant, now_ms, now_ms, jsonb_build_object('nums', jsonb_agg(t.num ORDER BY t.num),
        'paused', coalesce(jsonb_agg(t.place) FILTER (WHERE NOT t.enabled), '[]'),
        'keyed', coalesce(jsonb_agg(t.place) FILTER (WHERE t.keyed), '[]'))::text
      FROM (SELECT e.num, e.enabled, e.document ->> 'ordering' = 'key' AS keyed, row_number() OVER (ORDER BY e.num) - 1 AS place
        FROM posthorn.endpoints e WHERE e.num = ANY (wanted)) t;
      INSERT INTO posthorn.fan_out_events (fan_out, place, event_number, type, ordering_key, wanted, cursor, remaining)
      VALUES (fan_out, 0, event_number, publish.type, publish.ordering_key, NULL, 0, wanted_count);
      INSERT INTO posthorn.fan_out_ledger AS l (writer, planned, made) VALUES (writer, wanted_count, 0)
      ON CONFLICT (writer) DO UPDATE SET planned = l.planned + excluded.planned;
      wanted := '{}';
      waiting := NULL;
    END IF;

    INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, created_at, settled_at, reason, order_key)
    SELECT shard, nextval('posthorn.delivery_numbers') * 64 + shard, event_number, e.num, CASE WHEN e.enabled THEN 0 ELSE 4 END,
      CASE WHEN e.enabled THEN now_ms END, now_ms, CASE WHEN NOT e.enabled THEN now_ms END,
      CASE WHEN NOT e.enabled THEN 'endpoint_paused' END,
      CASE WHEN e.document ->> 'ordering' = 'key' THEN publish.ordering_key END
    FROM posthorn.endpoints e WHERE e.num = ANY (wanted);
    INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, accepted, suppressed)
    SELECT 0, e.num, now_ms / 3600000, writer, 1, (NOT e.enabled)::int FROM posthorn.endpoints e WHERE e.num = ANY (wanted)
    ON CONFLICT (shard, endpoint, hour, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed;
    INSERT INTO posthorn.counters AS l (shard, endpoint, minute, type, writer, accepted, suppressed)
    SELECT 0, e.num, now_ms / 60000, publish.type, writer, 1, (NOT e.enabled)::int FROM posthorn.endpoints e WHERE e.num = ANY (wanted)
    ON CONFLICT (shard, endpoint, minute, type, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed;
    IF suppressed_count > 0 THEN
      ${worthInsert('suppressed')}
      SELECT 0, e.num, now_ms / 3600000, coalesce(money, ''), writer, 1, coalesce(amount >> 32, 0), coalesce(amount & 4294967295, 0)
      FROM posthorn.endpoints e WHERE e.num = ANY (wanted) AND NOT e.enabled
      ${addWorth('suppressed')};
    END IF;
    INSERT INTO posthorn.event_ledger AS l (shard, tenant, hour, type, writer, events, unmatched)
    VALUES (0, publish.tenant, now_ms / 3600000, publish.type, writer, 1, (wanted_count = 0)::int)
    ON CONFLICT (shard, tenant, hour, type, writer)
      DO UPDATE SET events = l.events + excluded.events, unmatched = l.unmatched + excluded.unmatched;

    -- Sent when the caller commits, and only then.
    IF waiting IS NOT NULL THEN PERFORM pg_notify('posthorn_due', waiting); END IF;
    RETURN jsonb_build_object('id', event_id, 'tenant', publish.tenant, 'type', publish.type, 'accepted_at', now_ms,
      'deliveries', wanted_count, 'suppressed', suppressed_count,
      'unmatched', wanted_count = 0, 'duplicate', false);
  END $body$;
`;
