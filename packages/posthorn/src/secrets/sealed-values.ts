import { type Endpoint, sealedFields } from '../domain/endpoint.ts';
import { type Keyring, keyIdFrom, SecretError } from './keyring.ts';

// Where an endpoint keeps its secrets: known by the names of its members, because callers' other values may look like
// sealed texts.

const secretMembers: ReadonlySet<string> = new Set([
  'headers',
  'channel',
  'secret',
  'privateKey',
  'password',
  'token',
  'clientSecret',
  'clientKey',
]);

/** The parts of an endpoint that hold secrets. */
export function sealedPart(endpoint: Endpoint): Partial<Endpoint> {
  const fields: ReadonlySet<string> = new Set(sealedFields);
  return Object.fromEntries(Object.entries(endpoint).filter(([name]) => fields.has(name)));
}

/** Returns the part with each of its secrets replaced. */
export function mapSecrets(part: Partial<Endpoint>, change: (text: string) => string): Partial<Endpoint> {
  return mapped(part, false, change) as Partial<Endpoint>;
}

function mapped(value: unknown, isSecret: boolean, change: (text: string) => string): unknown {
  if (typeof value === 'string') return isSecret ? change(value) : value;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => mapped(item, isSecret, change));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      mapped(member, isSecret || secretMembers.has(name), change),
    ]),
  );
}

/** The secrets of an endpoint, as they are stored. */
export function endpointSecrets(endpoint: Endpoint): readonly string[] {
  const texts: string[] = [];
  mapSecrets(sealedPart(endpoint), (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** Why an endpoint's secrets cannot be opened (the first of them); null if all can. */
export function sealFault(keyring: Keyring, endpoint: Endpoint): string | null {
  try {
    for (const text of endpointSecrets(endpoint)) keyring.check(text);
    return null;
  } catch (error) {
    if (error instanceof SecretError) return error.message;
    throw error;
  }
}

/** The keys that an endpoint's secrets need and that this node lacks. Opens nothing, so it is cheap for every endpoint. */
export function missingKeys(keyring: Keyring, endpoint: Endpoint): readonly string[] {
  const ids = endpointSecrets(endpoint).flatMap((text) => keyIdFrom(text) ?? []);
  return [...new Set(ids)].filter((id) => !keyring.keyIds.includes(id));
}
