import { z } from 'zod';
import type { Answer } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { iso } from '../domain/time.ts';
import { missing, Refusal } from './errors.ts';
import { listAnswer, readPage } from './lists.ts';
import { type Context, parseBody, type Route } from './request.ts';

// Event types are declared types. What Posthorn lacks a field for is kept in their metadata; a schema that documents is not one that
// events are checked by, so it is kept there too.

const name = z
  .string()
  .max(256)
  .regex(/^[a-zA-Z0-9\-_]+(\.[a-zA-Z0-9\-_]+)*$/, 'letters, digits, - and _, in parts joined by dots');
const fields = {
  description: z.string().max(1024),
  archived: z.boolean().nullish(),
  deprecated: z.boolean().nullish(),
  schemas: z.record(z.string(), z.unknown()).nullish(),
  featureFlag: z.string().nullish(),
  featureFlags: z.array(z.string()).nullish(),
  groupName: z.string().nullish(),
};
const eventTypeIn = z.object({ name, ...fields });
const eventTypeUpdate = z.object(fields);
const eventTypePatch = eventTypeUpdate.partial();
type Fields = z.output<typeof eventTypePatch>;

type Declared = Answer<'eventTypes.get'>;

/** What the metadata of a declared type holds of this API. */
const kept = z
  .object({
    archived: z.boolean(),
    deprecated: z.boolean(),
    schemas: z.record(z.string(), z.unknown()).nullable(),
    featureFlag: z.string().nullable(),
    featureFlags: z.array(z.string()).nullable(),
    groupName: z.string().nullable(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .partial();
const longAgo = '1970-01-01T00:00:00.000Z';

const keptIn = ({ metadata }: Declared): z.output<typeof kept> => kept.safeParse(metadata ?? {}).data ?? {};

function eventTypeOut(type: Declared): object {
  const { archived = false, deprecated = false, createdAt = longAgo, ...rest } = keptIn(type);
  return {
    name: type.name,
    description: type.description,
    archived,
    deprecated,
    schemas: rest.schemas ?? null,
    featureFlag: rest.featureFlag ?? null,
    featureFlags: rest.featureFlags ?? null,
    groupName: rest.groupName ?? null,
    createdAt,
    updatedAt: rest.updatedAt ?? createdAt,
  };
}

async function typeNamed({ own }: Context, wanted: string): Promise<Declared | null> {
  try {
    return await own('eventTypes.get', { params: { name: wanted } });
  } catch (error) {
    if (error instanceof PosthornError && ['not_found', 'invalid_request'].includes(error.code)) return null;
    throw error;
  }
}

async function typeIn(context: Context): Promise<Declared> {
  const found = await typeNamed(context, context.params['type']!);
  if (found === null) throw missing();
  return found;
}

/** Declares a type with these fields; what Posthorn's own declaration says besides stays. */
async function declare(
  { own, deps }: Context,
  wanted: string,
  before: Declared | null,
  { description, ...given }: Fields,
): Promise<Declared> {
  const now = iso(deps.clock.now());
  const { name: _, fingerprint: __, metadata = {}, ...stays } = before ?? { name: '', fingerprint: '' };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return await own('eventTypes.put', {
    params: { name: wanted },
    body: {
      ...stays,
      ...(description === undefined ? {} : { description }),
      metadata: {
        createdAt: now,
        ...metadata,
        ...said,
        archived: given.archived ?? keptArchived(before),
        deprecated: given.deprecated ?? false,
        updatedAt: now,
      },
    },
  });
}

const keptArchived = (before: Declared | null): boolean =>
  before === null ? false : (keptIn(before).archived ?? false);

/** What a full declaration says if it leaves a field out. */
const usual = {
  archived: false,
  deprecated: false,
  schemas: null,
  featureFlag: null,
  featureFlags: null,
  groupName: null,
} as const;

async function createType(context: Context): Promise<{ status: number; body: object }> {
  const { name: wanted, ...given } = parseBody(eventTypeIn, context);
  const before = await typeNamed(context, wanted);
  if (before !== null && !keptArchived(before))
    throw new Refusal(409, 'event_type_exists', `The event type ${wanted} exists. Use PUT to change it.`);
  return {
    status: 201,
    body: eventTypeOut(await declare(context, wanted, before, { ...usual, ...given })),
  };
}

async function listTypes(context: Context): Promise<object> {
  const withArchived = context.query.flag('include_archived');
  const withContent = context.query.flag('with_content', false);
  // By name, whatever the order says.
  const page = await readPage(
    context,
    'always asc',
    (query) => context.own('eventTypes.list', { query }),
    ({ name }) => name,
  );
  const shown = page.items
    .filter((type) => withArchived || !keptArchived(type))
    .map(eventTypeOut)
    .map((type) => (withContent ? type : { ...type, schemas: null }));
  return listAnswer(shown, page);
}

export const eventTypeRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'event-type',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: await listTypes(context) }),
  },
  { method: 'POST', path: 'event-type', scope: 'operate', orgOnly: true, handle: createType },
  {
    method: 'GET',
    path: 'event-type/{type}',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: eventTypeOut(await typeIn(context)) }),
  },
  {
    method: 'PUT',
    path: 'event-type/{type}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const given = parseBody(eventTypeUpdate, context);
      const wanted = context.params['type']!;
      const before = await typeNamed(context, wanted);
      const declared = await declare(context, wanted, before, { ...usual, ...given });
      return { status: before === null ? 201 : 200, body: eventTypeOut(declared) };
    },
  },
  {
    method: 'PATCH',
    path: 'event-type/{type}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const given = parseBody(eventTypePatch, context);
      const before = await typeIn(context);
      const deprecated = given.deprecated ?? keptIn(before).deprecated ?? false;
      const declared = await declare(context, before.name, before, { ...given, deprecated });
      return { status: 200, body: eventTypeOut(declared) };
    },
  },
  {
    method: 'DELETE',
    path: 'event-type/{type}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const before = await typeIn(context);
      if (context.query.flag('expunge'))
        await context.own('eventTypes.delete', { params: { name: before.name } });
      else await declare(context, before.name, before, { archived: true });
      return { status: 204 };
    },
  },
];
