import type { Answer } from '../contract/table.ts';
import type { EventTypeDocument, StoredDocument } from '../domain/documents.ts';
import type { Fault } from '../domain/errors.ts';
import { templatesBy } from '../domain/template.ts';
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
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/** Every node caches their schemas: up to 64 KiB each. */
const maxEventTypes = 2000;

/** Declared event types: schema, owner, template, and where the value is. */
export function eventTypeService(deps: ServiceDependencies): Handlers<Of<'eventTypes'>> {
  const { store, catalog } = deps;
  return {
    'eventTypes.list': async ({ query }) =>
      toPage((await store.read.documents('event_type')).map(wireEventType), query, ({ name }) => [name]),

    'eventTypes.get': async ({ params: { name } }) =>
      wireEventType(await requireDocument(store.read, 'event_type', name)),

    'eventTypes.put': async ({ params: { name }, body: document }, call) => {
      // Compiling takes its time, so other changes do not wait for it.
      const fault = document.schema === undefined ? null : await catalog.schemaFault(document.schema);
      if (fault !== null) refuseFaults([{ path: '/schema', message: fault }]);
      const declared = await putDocument(deps, {
        kind: 'event_type',
        name,
        document,
        by: call,
        action: 'eventTypes.put',
        shown: wireEventType,
        check: async () => {
          refuseFaults(await findFaults(store, name, document));
        },
      });
      await catalog.refresh();
      return declared;
    },

    'eventTypes.delete': async ({ params: { name } }, by) => {
      await deleteDocument(deps, {
        kind: 'event_type',
        name,
        by,
        action: 'eventTypes.delete',
        shown: wireEventType,
      });
      await catalog.refresh();
    },
  };
}

async function findFaults(
  store: Store,
  name: string,
  { owner, template }: EventTypeDocument,
): Promise<readonly Fault[]> {
  const types = await declaredNames(store.read, 'event_type');
  if (types.size >= maxEventTypes && !types.has(name))
    return [{ path: '', message: `at most ${maxEventTypes} event types can be declared` }];
  const templates = templatesBy(await store.read.documents('template'));
  return [
    ...unknownNames(await declaredNames(store.read, 'team'), 'team', [{ path: '/owner', name: owner }]),
    ...unknownNames(new Set(templates.keys()), 'template', [{ path: '/template', name: template }]),
  ];
}

function wireEventType({ name, document }: StoredDocument<'event_type'>): Answer<'eventTypes.get'> {
  return { name, fingerprint: fingerprint(document), ...document };
}
