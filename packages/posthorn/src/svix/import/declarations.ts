import { maxRoutingKeys } from '../../contract/fields.ts';
import { importedName } from '../../domain/imported.ts';
import type { Declarations, Remark } from '../../importers/declarations.ts';
import { isTenant, longestSecret, oddType } from '../../importers/shared-fields.ts';
import { wireCompatible } from '../endpoint-fields.ts';
import { secretFrom } from './sealed-keys.ts';
import type { Stored, StoredApplication, StoredEndpoint } from './source.ts';

/** Where an endpoint is in Posthorn. */
export interface Place {
  readonly tenant: string;
  readonly name: string;
}

export interface SvixDeclarations extends Declarations {
  /** Tenants by the ids of their applications, and places by the ids of their endpoints. */
  readonly tenants: ReadonlyMap<string, string>;
  readonly places: ReadonlyMap<string, Place>;
}

/** The tenant that an application becomes: its uid, or else its id. */
export const tenantName = ({ id, uid }: Pick<StoredApplication, 'id' | 'uid'>): string => uid ?? id;

/** The name of an endpoint: its uid, or one that its id gives, so that a second import finds it again. */
export const endpointName = ({ id, uid }: Pick<StoredEndpoint, 'id' | 'uid'>): string =>
  uid ?? importedName(id.slice('ep_'.length));

/** Why an endpoint cannot be declared; null: it can. */
function endpointFault({ channels, event_types_ids: types }: StoredEndpoint): string | null {
  if ((channels ?? []).length > maxRoutingKeys) return `it has more than ${maxRoutingKeys} channels`;
  const odd = oddType(types ?? []);
  return odd === undefined ? null : `the event type ${odd} is not a name that Posthorn takes`;
}

function endpointDocument(
  endpoint: StoredEndpoint,
  {
    tenant,
    secret,
    isPaused,
  }: { readonly tenant: string; readonly secret: string; readonly isPaused: boolean },
): object {
  const {
    url,
    description,
    event_types_ids: types,
    channels,
    disabled,
    metadata,
    rate_limit: rate,
    headers,
  } = endpoint;
  return {
    tenant,
    url,
    event_types: types === undefined || types === null || types.length === 0 ? ['*'] : types,
    description,
    enabled: !disabled && !isPaused,
    metadata,
    ...wireCompatible,
    ...(channels === undefined || channels === null || channels.length === 0
      ? {}
      : { routing_keys: channels }),
    ...(typeof rate === 'number' ? { rate_limit_per_s: rate } : {}),
    ...(headers === undefined || headers === null ? {} : { headers }),
    secret,
  };
}

/** Declares what Svix's database has as Posthorn's tenants, endpoints and event types. `org`: only of this organization. `isPaused`: every endpoint is disabled. */
export function declarationsFrom(
  { applications, endpoints, eventTypes }: Stored,
  {
    mainSecret,
    org,
    isPaused = false,
  }: { readonly mainSecret: string | null; readonly org: string | null; readonly isPaused?: boolean },
): SvixDeclarations {
  const skipped: Remark[] = [];
  const isMine = ({ org_id: id }: { readonly org_id: string }): boolean => org === null || id === org;
  const tenants = new Map<string, string>();
  const tenantDocuments: Record<string, object> = {};
  for (const application of applications.filter(isMine)) {
    const name = tenantName(application);
    if (!isTenant(name) || name in tenantDocuments) {
      const reason =
        name in tenantDocuments ? 'another organization has its uid: give --org' : 'its uid is too long';
      skipped.push({ kind: 'application', id: application.id, reason });
      continue;
    }
    tenants.set(application.id, name);
    tenantDocuments[name] = { display_name: application.name.slice(0, 256), metadata: application.metadata };
  }
  const places = new Map<string, Place>();
  const endpointDocuments: Record<string, object> = {};
  for (const endpoint of endpoints) {
    const tenant = tenants.get(endpoint.app_id);
    // Its application is deleted, skipped, or another organization's.
    if (tenant === undefined) continue;
    const opened = secretFrom(endpoint.key, mainSecret);
    const reason =
      endpointFault(endpoint) ??
      ('fault' in opened
        ? opened.fault
        : Buffer.from(opened.secret.slice('whsec_'.length), 'base64').length > longestSecret
          ? `its secret is longer than ${longestSecret} bytes`
          : null);
    if (reason !== null || 'fault' in opened) {
      skipped.push({ kind: 'endpoint', id: endpoint.id, reason: reason ?? '' });
      continue;
    }
    const name = endpointName(endpoint);
    places.set(endpoint.id, { tenant, name });
    endpointDocuments[`${tenant}/${name}`] = endpointDocument(endpoint, {
      tenant,
      secret: opened.secret,
      isPaused,
    });
  }
  const typeDocuments: Record<string, object> = {};
  for (const type of eventTypes.filter(isMine)) {
    if (oddType([type.name]) !== undefined) {
      skipped.push({ kind: 'event type', id: type.name, reason: 'its name has empty parts' });
      continue;
    }
    const { description, deleted: archived, deprecated = false, schemas = null } = type;
    typeDocuments[type.name] = { description, metadata: { archived, deprecated, schemas } };
  }
  return {
    document: { tenants: tenantDocuments, event_types: typeDocuments, endpoints: endpointDocuments },
    skipped,
    changed: [],
    tenants,
    places,
  };
}
