import { z } from 'zod';
import { ApiError, type Client } from '@posthorn/client';
import { namedEndpoint } from '../../contract/endpoints.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { isAnswerOf } from '../answers.ts';
import { everyItem } from '../listing.ts';
import { CommandError } from '../output.ts';
import type { Change, FieldChange, Server } from './changes.ts';

// Endpoints of a posthorn.yaml, by their names in their tenants. Endpoints that the file does not name are never deleted.

const endpointKey = z
  .string()
  .regex(
    /^([A-Za-z0-9._:-]{1,128}\/)?(?!ep_)(?=[^/]*[A-Za-z0-9_-][^/]*$)[A-Za-z0-9._-]{1,256}$/,
    'a name of letters, digits and . _ -, not beginning with ep_; put its tenant and a slash in front if two tenants use it',
  );

/** The name comes before the document, and so does the tenant if needed. */
export const endpointDocuments = z.record(endpointKey, namedEndpoint);
type Documents = z.output<typeof endpointDocuments>;

interface Ref {
  readonly tenant: string;
  readonly name: string;
}

export function endpointRef(key: string, { tenant }: { readonly tenant?: string | undefined }): Ref {
  const [name = '', own] = key.split('/').toReversed();
  if (own !== undefined && tenant !== undefined && own !== tenant)
    throw new CommandError(`endpoints/${key}: tenant is ${tenant}, but the name says ${own}`, 2);
  return { tenant: own ?? tenant ?? defaultTenant, name };
}

interface Ensured {
  readonly secret?: string;
  readonly dry_run?: {
    readonly action: 'create' | 'change' | 'keep';
    readonly changes: readonly FieldChange[];
  };
}

async function put(
  server: Server,
  key: string,
  document: Documents[string],
  isDryRun: boolean,
): Promise<Ensured> {
  const { tenant, name } = endpointRef(key, document);
  const path = `/v1/endpoints/${name}?tenant=${encodeURIComponent(tenant)}${isDryRun ? '&dry_run=true' : ''}`;
  const { tenant: _, ...body } = document;
  const answer = await server.request('PUT', path, body);
  if (!isAnswerOf('endpoints.ensure', answer) || isDryRun === ((answer as Ensured).dry_run === undefined))
    throw new ApiError(200, 'garbled', `the answer to PUT ${path} is not from Posthorn; check the URL`);
  return answer as Ensured;
}

/** Creates or changes one; only the answer for a new one shows its secret. */
export async function applyEndpoint(server: Server, { name, document }: Change): Promise<string | undefined> {
  return (await put(server, name, document as Documents[string], false)).secret;
}

/** What the same file declares and does not exist yet. */
export interface Coming {
  readonly teams: ReadonlySet<string>;
  readonly templates: ReadonlySet<string>;
}

/** What each would become, computed by the server, which knows defaults, templates and write-only fields. */
export async function endpointChanges(
  server: Server,
  documents: Documents,
  coming: Coming,
): Promise<Change<'endpoints'>[]> {
  const changes: Change<'endpoints'>[] = [];
  for (const [key, document] of Object.entries(documents)) {
    const { owner, template } = document;
    // The server refuses references to what the same file only declares, so they are left out of the preview.
    const isComing = {
      owner: owner !== undefined && owner !== null && coming.teams.has(owner),
      template: template !== undefined && template !== null && coming.templates.has(template),
    };
    const known = {
      ...document,
      ...(isComing.owner ? { owner: null } : {}),
      ...(isComing.template ? { template: null } : {}),
    };
    const { action, changes: fields } = (await preview(server, key, known)).dry_run!;
    const more = (['owner', 'template'] as const)
      .filter((field) => isComing[field])
      .map((field) => ({ field, before: null, after: document[field] }));
    const all = [...fields.filter(({ field }) => !more.some((one) => one.field === field)), ...more];
    changes.push({
      kind: 'endpoints',
      name: key,
      action: action === 'keep' && more.length > 0 ? 'change' : action,
      document,
      ...(action === 'create' ? {} : { fields: all }),
    });
  }
  return changes;
}

async function preview(server: Server, key: string, document: Documents[string]): Promise<Ensured> {
  try {
    return await put(server, key, document, true);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new CommandError(`endpoints/${key}: ${error.message}; nothing was changed`);
  }
}

/** Endpoints that the file does not name, as `tenant/name`, or by their ids. */
export async function undeclaredEndpoints(client: Client, documents: Documents): Promise<string[]> {
  const declared = new Set(
    Object.entries(documents).map(([key, document]) => {
      const { tenant, name } = endpointRef(key, document);
      return `${tenant}/${name}`;
    }),
  );
  const all = await everyItem((page) => client.endpoints.list(page));
  return all
    .map(({ id, name, tenant }) => (name === null ? id : `${tenant}/${name}`))
    .filter((name) => !declared.has(name));
}
