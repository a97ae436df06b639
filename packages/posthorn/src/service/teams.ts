import type { Answer } from '../contract/table.ts';
import type { StoredDocument } from '../domain/documents.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
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
import { teamOverviewService } from './team-overview.ts';
import { toPage } from './paging.ts';

/** Teams: who owns what, and who is notified. */
export function teamService(deps: ServiceDependencies): Handlers<Of<'teams'>> {
  const { store } = deps;
  return {
    ...teamOverviewService(deps),

    'teams.list': async ({ query }) =>
      toPage((await store.read.documents('team')).map(wireTeam), query, ({ name }) => [name]),

    'teams.get': async ({ params: { name } }) => wireTeam(await requireDocument(store.read, 'team', name)),

    'teams.put': async ({ params: { name }, body: document }, call) => {
      return await putDocument(deps, {
        kind: 'team',
        name,
        document,
        by: call,
        action: 'teams.put',
        shown: wireTeam,
        check: async () => {
          const channels = document.channels.map((channel, at) => ({
            path: `/channels/${at}`,
            name: channel,
          }));
          refuseFaults(unknownNames(await declaredNames(store.read, 'channel'), 'channel', channels));
        },
      });
    },

    'teams.delete': async ({ params: { name } }, by) => {
      const inUse = () => teamUse(store, name);
      await deleteDocument(deps, { kind: 'team', name, by, action: 'teams.delete', shown: wireTeam, inUse });
    },
  };
}

/** What names the team, and must be changed before it can be deleted; or null. */
async function teamUse(store: Store, name: string): Promise<string | null> {
  const slo = (await store.read.documents('slo')).find(
    ({ document: { producer, consumer } }) => producer === name || consumer === name,
  );
  if (slo !== undefined) return `The objective ${slo.name} names this team. Change it first.`;
  const type = (await store.read.documents('event_type')).find(({ document }) => document.owner === name);
  if (type !== undefined) return `This team owns the event type ${type.name}. Change it first.`;
  for await (const { id, owner } of everyEndpoint(store.read))
    if (owner === name) return `This team owns the endpoint ${id}. Change it first.`;
  return null;
}

function wireTeam({ name, document }: StoredDocument<'team'>): Answer<'teams.get'> {
  return { name, fingerprint: fingerprint(document), ...document };
}
