import type { Answer } from '../contract/table.ts';
import type { StoredDocument } from '../domain/documents.ts';
import type { Fault } from '../domain/errors.ts';
import type { ScopedObjective, SloDocument } from '../domain/objective.ts';
import { dayMs } from '../domain/time.ts';
import { readDeclared } from '../reliability/evaluation.ts';
import type { Store } from '../store/store.ts';
import {
  deleteDocument,
  declaredNames,
  putDocument,
  refuseFaults,
  requireDocument,
  unknownNames,
} from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprint } from './fingerprint.ts';
import type { Handlers } from './handler.ts';
import { toPage } from './paging.ts';
import { readStatusesFor } from './slo-status.ts';

type ListedSlo = Answer<'slos.list'>['items'][number];

/** Declared objectives, and those that templates set. */
export function sloService(
  deps: ServiceDependencies,
): Handlers<'slos.list' | 'slos.get' | 'slos.put' | 'slos.delete'> {
  const { store } = deps;
  return {
    'slos.list': async ({ query: { include, ...page } }) => {
      const { objectives } = await readDeclared(store.read);
      const items: ListedSlo[] = [
        ...(await store.read.documents('slo')).map(wireSlo),
        ...objectives.flatMap(({ template, ...objective }) =>
          template === null ? [] : [wireTemplateSlo(template, objective)],
        ),
      ];
      const list = toPage(items, page, ({ built_in: builtIn, name }) => [builtIn ? 1 : 0, name]);
      if (include === undefined) return list;
      const names = new Set(list.items.map(({ name }) => name));
      const asked = objectives.filter(({ name }) => names.has(name));
      const statuses = await readStatusesFor(store, asked, deps.clock.now());
      return {
        ...list,
        items: list.items.map((item): ListedSlo => ({ ...item, status: statuses.get(item.name) })),
      };
    },

    'slos.get': async ({ params: { name } }) => wireSlo(await requireDocument(store.read, 'slo', name)),

    'slos.put': async ({ params: { name }, body: document }, call) => {
      return await putDocument(deps, {
        kind: 'slo',
        name,
        document,
        by: call,
        action: 'slos.put',
        shown: wireSlo,
        check: async () => {
          refuseFaults(await findFaults(store, document));
        },
      });
    },

    'slos.delete': async ({ params: { name } }, by) => {
      await deleteDocument(deps, { kind: 'slo', name, by, action: 'slos.delete', shown: wireSlo });
    },
  };
}

/** A fault for each team and endpoint that the objective names and that does not exist. */
async function findFaults(
  store: Store,
  { producer, consumer, endpoint_ids: ids }: SloDocument,
): Promise<readonly Fault[]> {
  const faults = unknownNames(await declaredNames(store.read, 'team'), 'team', [
    { path: '/producer', name: producer },
    { path: '/consumer', name: consumer },
  ]);
  for (const [at, id] of ids.entries())
    if ((await store.read.endpoint(id)) === null)
      faults.push({ path: `/endpoint_ids/${at}`, message: `does not exist: unknown endpoint ${id}` });
  return faults;
}

function wireSlo({ name, document }: StoredDocument<'slo'>): Answer<'slos.get'> {
  return { name, built_in: false, fingerprint: fingerprint(document), ...document };
}

function wireTemplateSlo(
  template: string,
  objective: Omit<ScopedObjective, 'template'>,
): Exclude<ListedSlo, { built_in: false }> {
  return {
    name: objective.name,
    built_in: true,
    template,
    objective: objective.kind,
    target: objective.target,
    window_days: objective.windowMs / dayMs,
    event_types: objective.eventTypes,
    endpoint_ids: objective.endpoints.map(({ id }) => id),
    producer: null,
    consumer: objective.consumer,
  };
}
