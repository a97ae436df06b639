import { useRead } from './query.ts';
import { useMe } from './session.tsx';
import { hostOf } from './parts/untrusted.tsx';

const limit = 1000;
const everyMs = 60_000;

/** Names an endpoint by its host, where all that is known of it is its id; beyond the first thousand by the id. */
export function useEndpointHosts(): (id: string) => string {
  const { tenant } = useMe();
  const { data } = useRead(
    'endpoints.list',
    { query: { limit, ...(tenant === null ? {} : { tenant }) } },
    { everyMs },
  );
  const hosts = new Map(data?.items.map(({ id, url }) => [id, hostOf(url)]));
  return (id) => hosts.get(id) ?? id;
}
