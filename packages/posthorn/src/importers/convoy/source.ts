import pg from 'pg';
import { inSnapshot } from '../database.ts';

// What is read of Convoy's database. Columns that its version does not have are absent.

export interface StoredProject {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly signature_header: string;
}

export interface StoredSecret {
  readonly value: string;
  readonly expires_at?: string | null;
  readonly deleted_at?: string | null;
}

export interface StoredEndpoint {
  readonly id: string;
  readonly project_id: string;
  readonly name?: string | null;
  readonly url: string;
  readonly status: string;
  readonly owner_id?: string | null;
  readonly description?: string | null;
  readonly http_timeout?: number | null;
  readonly rate_limit?: number | null;
  readonly rate_limit_duration?: number | null;
  readonly advanced_signatures?: boolean | null;
  readonly authentication_type?: string | null;
  readonly authentication_type_api_key_header_name?: string | null;
  readonly content_type?: string | null;
  readonly is_encrypted?: boolean | null;
  readonly has_client_certificate: boolean;
  /** In clear; a fault: they are encrypted, and were not opened. */
  readonly credentials:
    | {
        readonly secrets: readonly StoredSecret[] | null;
        readonly api_key: string | null;
        readonly basic: { readonly username?: string; readonly password?: string } | null;
      }
    | { readonly fault: string };
}

export interface StoredSubscription {
  readonly id: string;
  readonly name: string;
  readonly endpoint_id: string | null;
  readonly filter_config_event_types: readonly string[];
  readonly filter_config_filter_headers: unknown;
  readonly filter_config_filter_body: unknown;
  readonly filter_config_filter_query?: unknown;
  readonly filter_config_filter_path?: unknown;
  readonly function?: string | null;
}

export interface StoredEventType {
  readonly name: string;
  readonly project_id: string;
  readonly description: string | null;
  readonly category?: string | null;
  readonly json_schema?: unknown;
  readonly deprecated_at?: string | null;
}

export interface Stored {
  readonly projects: readonly StoredProject[];
  readonly endpoints: readonly StoredEndpoint[];
  readonly subscriptions: readonly StoredSubscription[];
  readonly eventTypes: readonly StoredEventType[];
}

type EndpointRow = Omit<StoredEndpoint, 'credentials' | 'has_client_certificate'> & {
  readonly secrets: readonly StoredSecret[] | null;
  readonly authentication_type_api_key_header_value?: string | null;
  readonly basic_auth_config?: { readonly username?: string; readonly password?: string } | null;
  readonly mtls_client_cert?: unknown;
  readonly mtls_client_cert_cipher?: string | null;
};

/** Encrypted columns, by pgcrypto; those that the row does not have are null. */
const opened = (column: string): string => `pgp_sym_decrypt((to_jsonb(e) ->> '${column}_cipher')::bytea, $2)`;
const openSql = `SELECT ${opened('secrets')}::jsonb AS secrets, ${opened('authentication_type_api_key_header_value')} AS api_key,
  ${opened('basic_auth_config')}::jsonb AS basic FROM convoy.endpoints e WHERE e.id = $1`;

async function credentialsOf(
  client: pg.Client,
  row: EndpointRow,
  key: string | null,
): Promise<StoredEndpoint['credentials']> {
  if (row.is_encrypted !== true)
    return {
      secrets: row.secrets,
      api_key: row.authentication_type_api_key_header_value ?? null,
      basic: row.basic_auth_config ?? null,
    };
  if (key === null)
    return { fault: 'its secret is encrypted: set CONVOY_ENCRYPTION_KEY, or give --encryption-key' };
  await client.query('SAVEPOINT opening');
  try {
    const { rows } = await client.query(openSql, [row.id, key]);
    return rows[0] as Exclude<StoredEndpoint['credentials'], { readonly fault: string }>;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT opening');
    return { fault: 'its secret cannot be decrypted: this is not the encryption key of that server' };
  }
}

/** Reads everything that is not deleted, in one snapshot. */
export async function readStored(databaseUrl: string, encryptionKey: string | null): Promise<Stored> {
  return await inSnapshot(databaseUrl, async (client) => {
    const all = async <T>(sql: string): Promise<T[]> =>
      (await client.query<{ row: T }>(sql)).rows.map(({ row }) => row);
    const projects = await all<StoredProject>(
      `SELECT jsonb_build_object('id', p.id, 'name', p.name, 'type', p.type, 'signature_header', coalesce(c.signature_header, '')) AS row
        FROM convoy.projects p LEFT JOIN convoy.project_configurations c ON c.id = p.project_configuration_id
        WHERE p.deleted_at IS NULL ORDER BY p.id`,
    );
    const found = await all<EndpointRow>(
      'SELECT to_jsonb(e) AS row FROM convoy.endpoints e WHERE e.deleted_at IS NULL ORDER BY e.id',
    );
    const endpoints: StoredEndpoint[] = [];
    for (const row of found)
      endpoints.push({
        ...row,
        has_client_certificate:
          (row.mtls_client_cert ?? null) !== null || (row.mtls_client_cert_cipher ?? null) !== null,
        credentials: await credentialsOf(client, row, encryptionKey),
      });
    const subscriptions = await all<StoredSubscription>(
      'SELECT to_jsonb(s) AS row FROM convoy.subscriptions s WHERE s.deleted_at IS NULL ORDER BY s.id',
    );
    const { rows: tables } = await client.query<{ types: boolean }>(
      `SELECT to_regclass('convoy.event_types') IS NOT NULL AS types`,
    );
    const eventTypes = tables[0]!.types
      ? await all<StoredEventType>('SELECT to_jsonb(t) AS row FROM convoy.event_types t ORDER BY t.name')
      : [];
    return { projects, endpoints, subscriptions, eventTypes };
  });
}
