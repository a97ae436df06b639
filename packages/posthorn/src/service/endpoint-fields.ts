import type { Input } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { followed } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { secondMs } from '../domain/time.ts';
import { standardTemplate, type Template, type TemplateField, templateFields } from '../domain/template.ts';
import { type Keyring, sealedAgain } from '../secrets/keyring.ts';
import { retryFrom } from './retry.ts';

/** An endpoint's fields in a body; omitted ones are absent. */
export type EndpointFields = Input<'endpoints.update'>['body'];

/** The given fields in the domain's form, without those that depend on what is stored. */
export function fieldsFrom(wire: EndpointFields): Partial<Endpoint> {
  const given: { -readonly [K in keyof Endpoint]?: Endpoint[K] } = {};
  if (wire.name !== undefined) given.name = wire.name;
  if (wire.event_types !== undefined) given.eventTypes = wire.event_types;
  if (wire.description !== undefined) given.description = wire.description;
  if (wire.owner !== undefined) given.owner = wire.owner;
  if (wire.max_in_flight !== undefined) given.maxInFlight = wire.max_in_flight;
  if (wire.rate_limit_per_s !== undefined) given.rateLimitPerS = wire.rate_limit_per_s;
  if (wire.body !== undefined) given.body = wire.body;
  if (wire.header_prefixes !== undefined) given.headerPrefixes = wire.header_prefixes;
  if (wire.signatures !== undefined) given.signatures = wire.signatures;
  if (wire.metadata !== undefined) given.metadata = wire.metadata;
  if (wire.disable_after_s !== undefined)
    given.disableAfterMs = wire.disable_after_s === null ? null : wire.disable_after_s * secondMs;
  if (wire.filter !== undefined) given.filter = wire.filter;
  if (wire.routing_keys !== undefined) given.routingKeys = wire.routing_keys;
  if (wire.transformation !== undefined) given.transformation = wire.transformation;
  if (wire.enabled !== undefined) {
    given.enabled = wire.enabled;
    given.pausedReason = wire.enabled ? null : 'operator';
  }
  return given;
}

/** Headers in stored form, sealed: null keeps the stored value, because answers do not show it. */
export function headersFrom(
  given: NonNullable<EndpointFields['headers']>,
  stored: Endpoint['headers'],
  keyring: Keyring,
): Endpoint['headers'] {
  const merged = Object.entries(given).map(([name, value]): [string, string] => {
    const before = stored[name];
    if (value !== null) return [name, sealedAgain(keyring, value, before, 'header')];
    if (before !== undefined) return [name, before];
    throw invalid(
      `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      'cannot be kept: nothing is stored. Give a value',
    );
  });
  return Object.fromEntries(merged);
}

/** The fields of a body that a template sets too; null: the template's value. */
function statedFrom(wire: EndpointFields): { readonly [K in TemplateField]?: Endpoint[K] | null } {
  const { timeout_ms: timeoutMs, deliver_within_s: withinS, retry } = wire;
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(withinS === undefined ? {} : { deliverWithinMs: withinS === null ? null : withinS * 1000 }),
    ...(retry === undefined ? {} : { retry: retry === null ? null : retryFrom(retry) }),
  };
}

/** Whether a body sets the template, or a field that a template sets. */
export function hasPolicy(wire: EndpointFields): boolean {
  return wire.template !== undefined || Object.keys(statedFrom(wire)).length > 0;
}

/** The policy of an endpoint that is created or changed: its own fields, and its template's for the rest. */
export function policyFrom(
  wire: EndpointFields,
  before: Pick<Endpoint, 'own'>,
  template: Template | null,
): Partial<Endpoint> {
  const stated = statedFrom(wire);
  const own = templateFields.filter((field) =>
    stated[field] === undefined ? before.own.includes(field) : stated[field] !== null,
  );
  const said = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== null));
  // An endpoint without a template uses the standard one's values, and does not follow its changes.
  const rest = followed(template ?? standardTemplate, own);
  return {
    ...rest,
    ...(template === null ? { template: null, templateVersion: null } : {}),
    ...said,
    own,
  };
}
