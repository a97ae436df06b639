import {
  type InfiniteData,
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  type UseInfiniteQueryResult,
  useQuery,
  type UseQueryResult,
} from '@tanstack/react-query';
import { useLiveState } from './live.ts';
import { type Answer, call, type OperationId, Problem, type Request } from './api.ts';

/** Refusals are final; a server that does not answer is asked again, and shown as away meanwhile. */
const isWorthRetrying = (tries: number, error: Error): boolean =>
  tries < 2 && error instanceof Problem && error.status === 0;

/** A server that cannot read its store is asked again as late as it says, within these bounds. */
const away = { usualS: 5, minS: 1, maxS: 60 };

/** In how many seconds to ask again what was refused because the store is away; null: it is not. */
export function askedAgainS(error: Error | null): number | null {
  if (!(error instanceof Problem) || error.status !== 503) return null;
  return Math.min(away.maxS, Math.max(away.minS, error.retryAfterS ?? away.usualS));
}

type Interval = (query: { readonly state: { readonly error: Error | null } }) => number | false;

/** Asks again so often, and by itself for what the store could not answer. */
export const orWhenBack =
  (everyMs: number | false): Interval =>
  ({ state: { error } }) => {
    const againS = askedAgainS(error);
    return againS === null ? everyMs : againS * 1000;
  };

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: isWorthRetrying,
      staleTime: 5000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      refetchInterval: orWhenBack(false),
    },
  },
});

export interface ReadOptions {
  /** Asks again after so long while the page is seen; false: only when a stream or an action says so. */
  readonly everyMs?: number | false;
  readonly enabled?: boolean;
  /** The answer to the last request stays, dimmed, until the new one's is here. Default true. */
  readonly keepsOld?: boolean;
}

/** Who has paused the page reads in peace. */
const useInterval = (everyMs: number | false): Interval =>
  orWhenBack(useLiveState().kind === 'paused' ? false : everyMs);

/** Reads from the API. The key in the cache is the operation and what was asked. */
export function useRead<Id extends OperationId>(
  id: Id,
  request: Request<Id> = {},
  { everyMs = false, enabled = true, keepsOld = true }: ReadOptions = {},
): UseQueryResult<Answer<Id>, Problem> {
  return useQuery<Answer<Id>, Problem>({
    queryKey: [id, request.params ?? null, request.query ?? null],
    queryFn: ({ signal }) => call(id, { ...request, signal }),
    refetchInterval: useInterval(everyMs),
    enabled,
    ...(keepsOld ? { placeholderData: keepPreviousData as never } : {}),
  });
}

/** Reads a list page by page; `fetchNextPage` goes on from `next_cursor`. */
export function useReadPages<Id extends OperationId>(
  id: Id,
  request: Request<Id> = {},
  { everyMs = false, enabled = true }: ReadOptions = {},
): UseInfiniteQueryResult<InfiniteData<Answer<Id>>, Problem> {
  return useInfiniteQuery<Answer<Id>, Problem, InfiniteData<Answer<Id>>, readonly unknown[], string | null>({
    queryKey: [id, 'pages', request.params ?? null, request.query ?? null],
    queryFn: ({ pageParam, signal }) =>
      call(id, {
        ...request,
        query: { ...request.query, ...(pageParam === null ? {} : { cursor: pageParam }) } as never,
        signal,
      }),
    initialPageParam: null,
    getNextPageParam: (page) => (page as { next_cursor?: string | null }).next_cursor ?? undefined,
    refetchInterval: useInterval(everyMs),
    enabled,
  });
}

/** Asks again for everything that these operations have answered: after an action that changed it. */
export function refresh(...ids: readonly OperationId[]): Promise<void> {
  return queryClient.invalidateQueries({
    predicate: ({ queryKey }) => ids.includes(queryKey[0] as OperationId),
  });
}
