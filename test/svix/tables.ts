/** The columns of Svix's database that are read, with the names and types of the server's, and an application. */
export const svixTables = `
  CREATE TABLE application (id varchar, org_id varchar, uid varchar, name varchar, deleted boolean);
  CREATE TABLE endpoint (id varchar, app_id varchar, key bytea, url varchar, description varchar, event_types_ids jsonb,
    rate_limit integer, deleted boolean, disabled boolean, uid varchar, channels jsonb, headers jsonb);
  CREATE TABLE eventtype (name varchar, org_id varchar, description varchar, deleted boolean, schemas json);
  CREATE TABLE message (id varchar PRIMARY KEY, created_at timestamptz NOT NULL, org_id varchar, app_id varchar, event_type varchar,
    uid varchar, payload jsonb, channels jsonb, expiration timestamptz);
  CREATE TABLE messagecontent (id varchar PRIMARY KEY, created_at timestamptz NOT NULL, payload bytea NOT NULL, expiration timestamptz);
  CREATE TABLE messageattempt (id varchar PRIMARY KEY, created_at timestamptz NOT NULL, msg_id varchar, msg_dest_id varchar, endp_id varchar,
    url varchar, status smallint, response_status_code smallint, response text, ended_at timestamptz, trigger_type smallint,
    response_duration_ms bigint, attempt_number smallint, next_attempt timestamptz);
  CREATE TABLE messagedestination (id varchar PRIMARY KEY, created_at timestamptz, msg_id varchar, endp_id varchar, status smallint,
    next_attempt timestamptz);
  INSERT INTO application VALUES ('app_1', 'org_1', 'acme', 'Acme', false);
`;
