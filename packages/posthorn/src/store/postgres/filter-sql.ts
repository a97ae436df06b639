// The filters of domain/filter.ts in SQL, for `posthorn.publish`. Numbers are compared as IEEE doubles, as JavaScript reads
// them, and texts by code point; test/integration/filter-language.test.ts holds the two against each other.

/** From here on the nearest double is infinite, and up to there (2^-1075) it is 0; PostgreSQL refuses both. */
const infiniteFrom = `'${2n ** 1024n - 2n ** 970n}'::numeric`;
const zeroTo = `'${5n ** 1075n}e-1075'::numeric`;

/** What `passesFilterSql` needs; a migration of its own made these. */
export const filterParts = String.raw`
  -- Data as jsonb, which holds neither NUL nor half a surrogate pair: both become U+FFFD. Were it immutable, plans would read it
  -- where nothing needs it.
  CREATE OR REPLACE FUNCTION posthorn.readable(data text) RETURNS jsonb LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $body$
  DECLARE
    clean text := data;
  BEGIN
    IF clean ~ '\\u(0000|[dD][89a-fA-F])' THEN
      -- From here on a backslash begins an escape, and is never an escaped one.
      clean := regexp_replace(clean, '\\\\', '\\u005c', 'g');
      clean := regexp_replace(clean, '\\u0000', '\\ufffd', 'g');
      clean := regexp_replace(clean, '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\\ufffd', 'g');
      clean := regexp_replace(clean, '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g');
    END IF;
    RETURN clean::jsonb;
  END $body$;

  CREATE OR REPLACE FUNCTION posthorn.as_double(value jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
    SELECT CASE WHEN abs(value::numeric) >= ${infiniteFrom} THEN sign(value::numeric)::float8 * 'Infinity'::float8
      WHEN abs(value::numeric) <= ${zeroTo} THEN 0 ELSE value::float8 END
  $body$;

  CREATE OR REPLACE FUNCTION posthorn.filter_equals(there jsonb, wanted jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT there IS NOT NULL AND CASE WHEN jsonb_typeof(there) = 'number' AND jsonb_typeof(wanted) = 'number'
      THEN posthorn.as_double(there) = posthorn.as_double(wanted) ELSE there = wanted END
  $body$;

  CREATE OR REPLACE FUNCTION posthorn.filter_holds(there jsonb, operator text, wanted jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
  DECLARE
    above boolean;
    below boolean;
  BEGIN
    IF operator = 'exists' THEN RETURN (there IS NOT NULL) = wanted::boolean;
    ELSIF operator = 'eq' THEN RETURN posthorn.filter_equals(there, wanted);
    ELSIF operator = 'in' THEN
      RETURN EXISTS (SELECT FROM jsonb_array_elements(wanted) AS w (value) WHERE posthorn.filter_equals(there, w.value));
    ELSIF there IS NULL OR jsonb_typeof(there) <> jsonb_typeof(wanted) THEN RETURN false;
    ELSIF operator = 'prefix' THEN RETURN starts_with(there #>> '{}', wanted #>> '{}');
    ELSIF jsonb_typeof(there) = 'number' THEN
      above := posthorn.as_double(there) > posthorn.as_double(wanted);
      below := posthorn.as_double(there) < posthorn.as_double(wanted);
    ELSIF jsonb_typeof(there) = 'string' THEN
      above := (there #>> '{}') COLLATE "C" > (wanted #>> '{}') COLLATE "C";
      below := (there #>> '{}') COLLATE "C" < (wanted #>> '{}') COLLATE "C";
    ELSE RETURN false;
    END IF;
    RETURN CASE operator WHEN 'gt' THEN above WHEN 'gte' THEN NOT below WHEN 'lt' THEN below WHEN 'lte' THEN NOT above END;
  END $body$;
`;

export const passesFilterSql = `
  CREATE OR REPLACE FUNCTION posthorn.passes_filter(filter jsonb, data jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
  DECLARE
    member record;
    condition record;
    there jsonb;
  BEGIN
    IF filter IS NULL OR jsonb_typeof(filter) = 'null' THEN RETURN true; END IF;
    FOR member IN SELECT f.name, f.wanted FROM jsonb_each(filter) AS f (name, wanted) LOOP
      IF member.name = '' OR starts_with(member.name, '/') THEN
        there := posthorn.at_pointer(data, member.name);
        IF jsonb_typeof(member.wanted) <> 'object' THEN
          IF NOT posthorn.filter_equals(there, member.wanted) THEN RETURN false; END IF;
          CONTINUE;
        END IF;
        FOR condition IN SELECT c.operator, c.wanted FROM jsonb_each(member.wanted) AS c (operator, wanted) LOOP
          IF NOT posthorn.filter_holds(there, condition.operator, condition.wanted) THEN RETURN false; END IF;
        END LOOP;
      ELSIF member.name = 'all' THEN
        IF EXISTS (SELECT FROM jsonb_array_elements(member.wanted) AS p (part) WHERE NOT posthorn.passes_filter(p.part, data))
          THEN RETURN false; END IF;
      ELSIF member.name = 'any' THEN
        IF NOT EXISTS (SELECT FROM jsonb_array_elements(member.wanted) AS p (part) WHERE posthorn.passes_filter(p.part, data))
          THEN RETURN false; END IF;
      ELSIF posthorn.passes_filter(member.wanted, data) THEN RETURN false;
      END IF;
    END LOOP;
    RETURN true;
  END $body$;
`;
