/** What a key may be good for. Each stands for itself, but `admin` is good for everything. */
export const keyScopes = ['publish', 'read', 'operate', 'admin'] as const;
export type KeyScope = (typeof keyScopes)[number];

/** How much of payloads a caller sees: nothing, with what looks like card numbers, email addresses and accounts replaced, or all. */
export const payloadAccesses = ['none', 'masked', 'full'] as const;
export type PayloadAccess = (typeof payloadAccesses)[number];

/** The one that shows less. */
export const lesserAccess = (a: PayloadAccess, b: PayloadAccess): PayloadAccess =>
  payloadAccesses.indexOf(a) < payloadAccesses.indexOf(b) ? a : b;

/** What a portal link may let its holder do besides reading. */
export const portalActions = ['redrive', 'replay', 'test', 'rotate'] as const;
export type PortalAction = (typeof portalActions)[number];

/** Who calls, and what it may see and do (G9). */
export interface Caller {
  /** `key`: by a key in a header; `session`: a browser that signed in with a key; `portal`: a browser that came by a portal link. */
  readonly kind: 'key' | 'session' | 'portal' | 'library' | 'cli';
  /** Id of the key or the session; `admin` for the first admin key; the library and the command line have their own. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  /** The only tenant that it knows of; null: all. */
  readonly tenant: string | null;
  /** The only endpoints that it knows of; null: all of its tenant. */
  readonly endpointIds: readonly string[] | null;
  readonly payloads: PayloadAccess;
  /** What else a portal's holder may do; null: it is not a portal. */
  readonly can: readonly PortalAction[] | null;
}

const everything = {
  scopes: ['admin'],
  tenant: null,
  endpointIds: null,
  payloads: 'full',
  can: null,
} as const;

/** The key of the first start, or of `POSTHORN_API_KEY`. */
export const firstAdmin: Caller = { kind: 'key', id: 'admin', name: 'admin key', ...everything };
/** The application that Posthorn is embedded in. */
export const libraryCaller: Caller = { kind: 'library', id: 'library', name: 'library', ...everything };

/** Who calls what needs no key. */
export const anonymous: Caller = {
  ...libraryCaller,
  id: 'anonymous',
  name: 'anonymous',
  scopes: [],
  payloads: 'none',
};

export function hasScope({ scopes }: Pick<Caller, 'scopes'>, scope: KeyScope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}
