import { inSnapshot } from '../../importers/database.ts';

// What is read of Svix's database. Columns that its version does not have are absent.

export interface StoredApplication {
  readonly id: string;
  readonly uid?: string | null;
  readonly name: string;
  readonly org_id: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredEndpoint {
  readonly id: string;
  readonly uid?: string | null;
  readonly app_id: string;
  readonly url: string;
  readonly description: string;
  readonly event_types_ids?: readonly string[] | null;
  readonly channels?: readonly string[] | null;
  readonly rate_limit?: number | null;
  readonly disabled: boolean;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly key: Buffer;
}

export interface StoredEventType {
  readonly name: string;
  readonly org_id: string;
  readonly description: string;
  readonly deleted: boolean;
  readonly deprecated?: boolean;
  readonly schemas?: Readonly<Record<string, unknown>> | null;
}

export interface Stored {
  readonly applications: readonly StoredApplication[];
  readonly endpoints: readonly StoredEndpoint[];
  readonly eventTypes: readonly StoredEventType[];
}

const metadataOf = (exists: boolean, table: string): string =>
  exists ? `coalesce((SELECT data FROM ${table} m WHERE m.id = t.id), '{}'::jsonb)` : `'{}'::jsonb`;

/** Reads everything that is not deleted, in one snapshot. */
export async function readStored(databaseUrl: string): Promise<Stored> {
  return await inSnapshot(databaseUrl, async (client) => {
    const { rows: tables } = await client.query<{ applications: boolean; endpoints: boolean }>(
      `SELECT to_regclass('applicationmetadata') IS NOT NULL AS applications, to_regclass('endpointmetadata') IS NOT NULL AS endpoints`,
    );
    const { applications: hasOfApplications, endpoints: hasOfEndpoints } = tables[0]!;
    const applications = await client.query<{ row: StoredApplication }>(
      `SELECT to_jsonb(t) || jsonb_build_object('metadata', ${metadataOf(hasOfApplications, 'applicationmetadata')}) AS row
        FROM application t WHERE NOT t.deleted ORDER BY t.id`,
    );
    const endpoints = await client.query<{ row: Omit<StoredEndpoint, 'key'>; key: Buffer }>(
      `SELECT (to_jsonb(t) - 'key') || jsonb_build_object('metadata', ${metadataOf(hasOfEndpoints, 'endpointmetadata')}) AS row, t.key
        FROM endpoint t WHERE NOT t.deleted ORDER BY t.id`,
    );
    const eventTypes = await client.query<{ row: StoredEventType }>(
      'SELECT to_jsonb(t) AS row FROM eventtype t ORDER BY t.name',
    );
    return {
      applications: applications.rows.map(({ row }) => row),
      endpoints: endpoints.rows.map(({ row, key }) => ({ ...row, key })),
      eventTypes: eventTypes.rows.map(({ row }) => row),
    };
  });
}
