import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { builtInTemplates, type StoredTemplate, type Template } from '../../domain/template.ts';
import { everyEndpoint } from '../../store/every-endpoint.ts';
import type { ConfigChange, DocumentKind } from '../../store/store.ts';
import { readDeclared } from '../../reliability/judge.ts';
import { fingerprint } from '../../service/fingerprint.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf } from '../../service/paging.ts';
import { notFound, type Fault, PosthornError } from '../../domain/errors.ts';
import { followTemplates, templateOf } from '../../service/templates.ts';
import { wireRetry } from '../../service/wire.ts';
import { dayMs } from '../../domain/time.ts';

type Wire = Record<string, unknown>;

/** One kind of document that people declare: the same four calls for each. */
interface Kind<Document extends object> {
  readonly kind: DocumentKind;
  readonly path: string;
  /** How it is called in errors. */
  readonly words: string;
  readonly name: z.ZodType<string>;
  readonly schema: z.ZodType<Document>;
  /** What is wrong with it by itself, whatever else is declared; takes as long as it takes. */
  readonly ownFaults: (document: Document) => Promise<readonly Fault[]>;
  /** Names of other documents that are not there, and whatever else is wrong with it. */
  readonly faults: (document: Document, name: string) => Promise<readonly Fault[]>;
  /** What storing it writes, worked out from what is there; nothing if it is there already. */
  readonly put: (name: string, document: Document) => Promise<readonly Put[]>;
  /** After it was stored. */
  readonly stored: () => Promise<void>;
  /** All of them, or those of that name where they can be told apart before they are made. */
  readonly list: (only?: string) => Promise<readonly Wire[]>;
  /** Why it cannot go, or null. */
  readonly inUse: (name: string) => Promise<string | null>;
  readonly deleted: () => Promise<void>;
}

/** Every node keeps their schemas in memory: up to 64 KiB each. */
const maxEventTypes = 2000;

type Put = NonNullable<ConfigChange['putDocuments']>[number];

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0)
    throw new PosthornError('invalid_request', `${faults[0]!.path} ${faults[0]!.message}`, faults);
}

function declare<Document extends object>(
  app: FastifyInstance,
  deps: ApiDependencies,
  of: Kind<Document>,
): void {
  const nameOf = (request: Parameters<typeof params>[0]): string => parse(of.name, params(request)['name']);
  const find = async (name: string): Promise<Wire> => {
    const document = (await of.list(name)).find((one) => one['name'] === name);
    if (document === undefined) throw notFound(`${of.words} by that name`);
    return document;
  };
  app.put(`/v1/${of.path}/:name`, async (request) => {
    const name = nameOf(request);
    const document = parse(of.schema, request.body);
    refuse(await of.ownFaults(document));
    // What it names is there when it is stored, and what it is computed from is what is stored.
    await deps.config.change(async () => {
      refuse(await of.faults(document, name));
      const putDocuments = await of.put(name, document);
      return {
        write: putDocuments.length === 0 ? null : { now: deps.clock.now(), putDocuments },
        answer: null,
      };
    });
    await of.stored();
    return await find(name);
  });
  app.get(`/v1/${of.path}`, async (request) =>
    pageOf(await of.list(), parse(schemas.pageQuery, request.query), (one) => [
      one['built_in'] === true ? 1 : 0,
      String(one['name']),
    ]),
  );
  app.get(`/v1/${of.path}/:name`, async (request) => await find(nameOf(request)));
  app.delete(`/v1/${of.path}/:name`, async (request, reply) => {
    const name = nameOf(request);
    await deps.config.change(async () => {
      if (!(await deps.store.documents(of.kind)).some((one) => one.name === name))
        throw notFound(`${of.words} by that name`);
      const why = await of.inUse(name);
      if (why !== null) throw new PosthornError('in_use', why);
      return {
        write: { now: deps.clock.now(), deleteDocuments: [{ kind: of.kind, name }] },
        answer: null,
      };
    });
    await of.deleted();
    return reply.code(204).send();
  });
}

/** What people see of a template; built-in ones look the same. */
function wireTemplate({ document, template }: StoredTemplate): Wire {
  const { name, version } = template;
  return { name, version, built_in: false, fingerprint: fingerprint(document), ...(document as object) };
}

function wireBuiltIn(template: Template): Wire {
  const document: schemas.WireTemplate = {
    description: template.description,
    timeout_ms: template.timeoutMs,
    deliver_within_s: template.deliverWithinMs / 1000,
    retry: wireRetry(template.retry),
    dead_letter_alert: { severity: template.deadLetterSeverity },
    slo: template.slo === null ? null : { target: template.slo.target, window_days: template.slo.windowDays },
  };
  return { ...wireTemplate({ document, template }), built_in: true };
}

/** Teams, templates, event types and objectives: what `posthorn apply` declares, beside channels. */
export function declaredRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, catalog } = deps;
  const names = async (kind: DocumentKind): Promise<ReadonlySet<string>> =>
    new Set((await store.documents(kind)).map(({ name }) => name));
  const missing = (
    known: ReadonlySet<string>,
    what: string,
    asked: readonly (readonly [path: string, name: string | null])[],
  ): Fault[] =>
    asked.flatMap(([path, name]) =>
      name === null || known.has(name) ? [] : [{ path, message: `there is no ${what} ${name}` }],
    );
  const simple = <Document extends object>(
    kind: Pick<Kind<Document>, 'kind' | 'path' | 'words' | 'schema' | 'faults'> & Partial<Kind<Document>>,
  ): Kind<Document> => ({
    name: schemas.documentName,
    put: async (name, document) => [{ kind: kind.kind, name, document }],
    stored: async () => {},
    list: async (only) =>
      (await store.documents(kind.kind))
        .filter(({ name }) => only === undefined || name === only)
        .map(({ name, document }) => ({
          name,
          fingerprint: fingerprint(document),
          ...(document as Document),
        })),
    ownFaults: async () => [],
    inUse: async () => null,
    deleted: async () => {},
    ...kind,
  });

  declare(
    app,
    deps,
    simple({
      kind: 'team',
      path: 'teams',
      words: 'team',
      schema: schemas.team,
      faults: async ({ channels }) =>
        missing(
          await names('channel'),
          'channel',
          channels.map((channel, index) => [`/channels/${index}`, channel] as const),
        ),
      inUse: async (name) => {
        const slo = (await store.documents('slo')).find(({ document }) => {
          const { producer, consumer } = document as schemas.WireSlo;
          return producer === name || consumer === name;
        });
        if (slo !== undefined) return `The objective ${slo.name} names this team: change it first.`;
        const type = (await store.documents('event_type')).find(
          ({ document }) => (document as schemas.WireEventType).owner === name,
        );
        if (type !== undefined) return `This team owns the event type ${type.name}: change it first.`;
        for await (const endpoint of everyEndpoint(store))
          if (endpoint.owner === name) return `This team owns the endpoint ${endpoint.id}: change it first.`;
        return null;
      },
    }),
  );

  declare(
    app,
    deps,
    simple({
      kind: 'template',
      path: 'templates',
      words: 'template',
      schema: schemas.template,
      faults: async (document) => {
        templateOf('', 0, document);
        return [];
      },
      put: async (name, document) => {
        const before = (await store.documents('template')).find((one) => one.name === name);
        const stored = before?.document as StoredTemplate | undefined;
        // The same again is no new version.
        if (stored !== undefined && fingerprint(stored.document) === fingerprint(document)) return [];
        // A version number means one content for good, also after the template was deleted in between.
        const highest = (await store.documents('template_version')).find((one) => one.name === name);
        const builtIn = builtInTemplates.find((template) => template.name === name);
        const version =
          1 +
          Math.max(
            (highest?.document as { version: number } | undefined)?.version ?? 0,
            stored?.template.version ?? 0,
            builtIn?.version ?? 0,
          );
        const made: StoredTemplate = { document, template: templateOf(name, version, document) };
        return [
          { kind: 'template', name, document: made },
          { kind: 'template_version', name, document: { version } },
        ];
      },
      // Endpoints are brought to it also where a crash left some behind.
      stored: async () => void (await followTemplates(deps)),
      list: async () => {
        const stored = await store.documents('template');
        const own = new Set(stored.map(({ name }) => name));
        return [
          ...stored.map(({ document }) => wireTemplate(document as StoredTemplate)),
          ...builtInTemplates.filter(({ name }) => !own.has(name)).map(wireBuiltIn),
        ];
      },
      inUse: async (name) => {
        if (builtInTemplates.some((template) => template.name === name)) return null;
        for await (const endpoint of everyEndpoint(store))
          if (endpoint.template === name)
            return `the endpoint ${endpoint.id} follows this template; let it follow another first`;
        const type = (await store.documents('event_type')).find(
          ({ document }) => (document as schemas.WireEventType).template === name,
        );
        return type === undefined ? null : `the event type ${type.name} names this template`;
      },
      // Without its document a built-in template is what it was.
      deleted: async () => void (await followTemplates(deps)),
    }),
  );

  declare(
    app,
    deps,
    simple({
      kind: 'event_type',
      path: 'event-types',
      words: 'event type',
      name: schemas.eventTypeName,
      schema: schemas.eventTypeDocument,
      ownFaults: async ({ schema }) => {
        const fault = schema === undefined ? null : await catalog.schemaFault(schema);
        return fault === null ? [] : [{ path: '/schema', message: fault }];
      },
      faults: async ({ owner, template }, name) => {
        const types = await names('event_type');
        if (types.size >= maxEventTypes && !types.has(name))
          return [{ path: '', message: `at most ${maxEventTypes} event types can be declared` }];
        const templates = new Set([
          ...(await names('template')),
          ...builtInTemplates.map(({ name }) => name),
        ]);
        return [
          ...missing(await names('team'), 'team', [['/owner', owner]]),
          ...missing(templates, 'template', [['/template', template]]),
        ];
      },
      stored: () => catalog.refresh(),
      deleted: () => catalog.refresh(),
    }),
  );

  declare(
    app,
    deps,
    simple({
      kind: 'slo',
      path: 'slos',
      words: 'objective',
      schema: schemas.slo,
      list: async () => {
        const declared = new Map(
          (await store.documents('slo')).map(({ name, document }) => [name, document as schemas.WireSlo]),
        );
        const { objectives } = await readDeclared(store);
        return objectives.map((objective) => {
          const document = declared.get(objective.name);
          if (document !== undefined && objective.template === null)
            return { name: objective.name, built_in: false, fingerprint: fingerprint(document), ...document };
          // Said by a template, for the endpoint of that name.
          return {
            name: objective.name,
            built_in: true,
            template: objective.template,
            objective: objective.kind,
            target: objective.target,
            window_days: objective.windowMs / dayMs,
            event_types: objective.eventTypes,
            endpoint_ids: objective.endpoints.map(({ id }) => id),
            producer: null,
            consumer: objective.consumer,
          };
        });
      },
      faults: async ({ producer, consumer, endpoint_ids: ids }) => {
        const faults = missing(await names('team'), 'team', [
          ['/producer', producer],
          ['/consumer', consumer],
        ]);
        for (const [index, id] of ids.entries())
          if ((await store.endpoint(id)) === null)
            faults.push({ path: `/endpoint_ids/${index}`, message: `there is no endpoint ${id}` });
        return faults;
      },
    }),
  );
}
