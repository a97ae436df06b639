/** The columns of Convoy's database that are read, as that server's migrations make them: a project, and one that receives. */
export const convoyTables = `
  CREATE EXTENSION pgcrypto;
  CREATE SCHEMA convoy;
  CREATE TABLE convoy.project_configurations (id varchar PRIMARY KEY, signature_header text, deleted_at timestamptz);
  CREATE TABLE convoy.projects (id varchar PRIMARY KEY, name text, type text, project_configuration_id varchar, deleted_at timestamptz);
  CREATE TABLE convoy.endpoints (id varchar PRIMARY KEY, name text, status text, owner_id text, url text, description text, http_timeout int,
    rate_limit int, rate_limit_duration int, advanced_signatures boolean, project_id varchar, authentication_type text,
    authentication_type_api_key_header_name text, authentication_type_api_key_header_value text, secrets jsonb, is_encrypted boolean,
    secrets_cipher bytea, authentication_type_api_key_header_value_cipher bytea, mtls_client_cert jsonb, basic_auth_config jsonb,
    basic_auth_config_cipher text, deleted_at timestamptz);
  CREATE TABLE convoy.subscriptions (id varchar PRIMARY KEY, name text, type text, project_id varchar, endpoint_id varchar,
    filter_config_event_types text[], filter_config_filter_headers jsonb DEFAULT '{}', filter_config_filter_body jsonb DEFAULT '{}',
    function text, deleted_at timestamptz);
  CREATE TABLE convoy.event_types (id varchar, name varchar, description text, project_id varchar, category varchar, json_schema jsonb,
    deprecated_at timestamptz);
  INSERT INTO convoy.project_configurations VALUES ('cfg', 'X-Convoy-Signature', NULL);
  INSERT INTO convoy.projects VALUES ('prj', 'payments', 'outgoing', 'cfg', NULL), ('in', 'sources', 'incoming', 'cfg', NULL);
  INSERT INTO convoy.event_types VALUES ('t1', 'invoice.paid', 'Paid', 'prj', 'billing', '{"type": "object"}', NULL),
    ('t2', '*', '', 'prj', NULL, NULL, NULL);
`;
