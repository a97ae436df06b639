import { importedName } from '../../domain/imported.ts';
import type { Declarations, Remark } from '../declarations.ts';
import { translatedRemark, translateFilter } from '../filters.ts';
import { isEndpointName, isTenant, oddType, secretFromText } from '../shared-fields.ts';
import type { Stored, StoredEndpoint, StoredProject, StoredSubscription } from './source.ts';

/** Which project, of several; an error if it has to be named. */
export function projectFrom(
  { projects }: Stored,
  asked: string | null,
): { readonly project: StoredProject } | { readonly fault: string } {
  const outgoing = projects.filter(({ type }) => type === 'outgoing');
  const project =
    asked === null ? outgoing[0] : outgoing.find(({ id, name }) => id === asked || name === asked);
  if (project === undefined)
    return {
      fault: asked === null ? 'there are only incoming projects' : `there is no outgoing project ${asked}`,
    };
  const names = outgoing.map(({ id, name }) => `${id} (${name})`).join(', ');
  if (asked === null && outgoing.length > 1)
    return { fault: `it has several projects, give --project: ${names}` };
  return { project };
}

/** Whose events the endpoint gets: its owner's, or else, because they are sent to it alone, its own. */
const tenantOf = ({ id, owner_id: owner }: StoredEndpoint): string =>
  owner === null || owner === undefined || owner === '' ? id : owner;

const isEmpty = (filter: unknown): boolean =>
  filter === null || filter === undefined || Object.keys(filter).length === 0;

function subscriptionFault(subscription: StoredSubscription): string | null {
  const odd = oddType(subscription.filter_config_event_types);
  if (odd !== undefined) return `the event type ${odd} is not a name that Posthorn takes`;
  const others = [
    subscription.filter_config_filter_headers,
    subscription.filter_config_filter_query,
    subscription.filter_config_filter_path,
  ];
  if (!others.every(isEmpty)) return 'it filters by headers, query or path, and Posthorn by the data alone';
  return (subscription.function ?? '') === ''
    ? null
    : 'it has a function in JavaScript: write it as a transformation in JSONata';
}

/** The secret that signs now: the newest that is neither deleted nor about to expire. */
function currentSecret({ credentials }: StoredEndpoint): string | null {
  if ('fault' in credentials) return null;
  const valid = (credentials.secrets ?? []).filter(
    ({ expires_at: expires, deleted_at: deleted }) =>
      (expires ?? null) === null && (deleted ?? null) === null,
  );
  return valid.at(-1)?.value ?? null;
}

interface Taken {
  readonly fields: Record<string, unknown>;
  /** What is otherwise than it was. */
  readonly remarks: readonly string[];
}

/** How the receiver is reached. Without what is not taken it would be refused, so such an endpoint is disabled. */
function reachOf(endpoint: StoredEndpoint): Taken {
  const { credentials, authentication_type: kind, has_client_certificate: hasCertificate } = endpoint;
  const remarks: string[] = [];
  const fields: Record<string, unknown> = {};
  if (hasCertificate) remarks.push('disabled: its client certificate is not taken, set tls and enable it');
  if ('fault' in credentials) return { fields, remarks };
  const header = endpoint.authentication_type_api_key_header_name;
  if (kind === 'api_key' && typeof header === 'string' && header !== '')
    fields['headers'] = { [header]: credentials.api_key ?? '' };
  else if (kind === 'basic_auth' && credentials.basic?.username !== undefined)
    fields['auth'] = {
      type: 'basic',
      username: credentials.basic.username,
      password: credentials.basic.password ?? '',
    };
  else if (kind === 'oauth2')
    remarks.push('disabled: its OAuth 2 client is not taken, set auth and enable it');
  return { fields: remarks.length > 0 ? { ...fields, enabled: false } : fields, remarks };
}

function endpointFields(endpoint: StoredEndpoint, project: StoredProject): Taken {
  const {
    url,
    description,
    status,
    http_timeout: timeoutS,
    rate_limit: rate,
    rate_limit_duration: per,
  } = endpoint;
  const secret = currentSecret(endpoint);
  const taken = secret === null ? null : secretFromText(secret);
  const reach = reachOf(endpoint);
  const form = endpoint.advanced_signatures === true ? 'its advanced form' : 'its simple form';
  const remarks = [
    taken === null
      ? 'a new secret is generated: its own is missing, or not of 24 to 75 bytes'
      : `it keeps its secret, but not ${project.signature_header || 'its signature header'} in ${form}: verify webhook-signature with the same secret`,
    ...reach.remarks,
  ];
  return {
    fields: {
      url,
      description: (description ?? '').slice(0, 1024),
      enabled: status === 'active',
      body: 'data',
      ...(typeof timeoutS === 'number' && timeoutS > 0 ? { timeout_ms: timeoutS * 1000 } : {}),
      ...(typeof rate === 'number' && rate > 0 ? { rate_limit_per_s: rate / Math.max(1, per ?? 1) } : {}),
      ...(taken === null ? {} : { secret: taken }),
      metadata: { convoy_endpoint: endpoint.id, convoy_name: (endpoint.name ?? '').slice(0, 512) },
      ...reach.fields,
    },
    remarks,
  };
}

/** Collects declarations; each subscription becomes an endpoint, because each of them delivers by itself. */
class Declaring {
  readonly skipped: Remark[] = [];
  readonly changed: Remark[] = [];
  readonly tenants: Record<string, object> = {};
  readonly endpoints: Record<string, object> = {};
  readonly #project: StoredProject;

  constructor(project: StoredProject) {
    this.#project = project;
  }

  add(endpoint: StoredEndpoint, subscriptions: readonly StoredSubscription[]): void {
    const tenant = tenantOf(endpoint);
    const fault =
      'fault' in endpoint.credentials
        ? endpoint.credentials.fault
        : !isTenant(tenant)
          ? `its owner ${tenant} is not a name that Posthorn takes for a tenant`
          : endpoint.content_type === 'application/x-www-form-urlencoded'
            ? 'its receiver takes a form, and Posthorn sends JSON'
            : subscriptions.length === 0
              ? 'it has no subscription, so no events go to it'
              : null;
    if (fault !== null) return void this.skipped.push({ kind: 'endpoint', id: endpoint.id, reason: fault });
    const { fields, remarks } = endpointFields(endpoint, this.#project);
    const before = Object.keys(this.endpoints).length;
    for (const subscription of subscriptions) this.#subscribe(subscription, tenant, fields);
    if (Object.keys(this.endpoints).length === before) return;
    this.tenants[tenant] = { metadata: { convoy_project: this.#project.id } };
    for (const reason of remarks) this.changed.push({ kind: 'endpoint', id: endpoint.id, reason });
  }

  #subscribe(subscription: StoredSubscription, tenant: string, fields: object): void {
    const translated = translateFilter(subscription.filter_config_filter_body);
    const name = importedName(subscription.id);
    const fault =
      subscriptionFault(subscription) ??
      ('fault' in translated ? translated.fault : isEndpointName(name) ? null : 'its id is not a name');
    if (fault !== null || 'fault' in translated)
      return void this.skipped.push({ kind: 'subscription', id: subscription.id, reason: fault ?? '' });
    const types = subscription.filter_config_event_types;
    const { filter } = translated;
    this.endpoints[`${tenant}/${name}`] = {
      tenant,
      ...fields,
      event_types: types.length === 0 ? ['*'] : types,
      ...(filter === null ? {} : { filter }),
    };
    if (filter !== null)
      this.changed.push({ kind: 'subscription', id: subscription.id, reason: translatedRemark });
  }
}

/** Declares what a project of Convoy's has as Posthorn's tenants, endpoints and event types. */
export function declarationsFrom(stored: Stored, project: StoredProject): Declarations {
  const declaring = new Declaring(project);
  const subscriptions = Map.groupBy(stored.subscriptions, ({ endpoint_id: id }) => id);
  for (const endpoint of stored.endpoints)
    if (endpoint.project_id === project.id) declaring.add(endpoint, subscriptions.get(endpoint.id) ?? []);
  const types: Record<string, object> = {};
  for (const type of stored.eventTypes) {
    if (type.project_id !== project.id || type.name === '*') continue;
    if (oddType([type.name]) !== undefined || type.name.includes('*')) {
      declaring.skipped.push({
        kind: 'event type',
        id: type.name,
        reason: 'it is not a name that Posthorn takes',
      });
      continue;
    }
    const {
      description,
      category = null,
      json_schema: schema = null,
      deprecated_at: deprecated = null,
    } = type;
    // Convoy does not check events by it, so Posthorn must not begin to refuse them.
    types[type.name] = {
      description: description ?? '',
      metadata: { category, schema, deprecated: deprecated !== null },
    };
  }
  const { tenants, endpoints, skipped, changed } = declaring;
  return { document: { tenants, event_types: types, endpoints }, skipped, changed };
}
