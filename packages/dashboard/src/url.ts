import { useNavigate, useParams, useSearch } from '@tanstack/react-router';

/** The query of the URL, as text. */
export type Search = Readonly<Record<string, string>>;

/** Plain `name=value`: the words of the API, so that a URL and a call read alike. */
export const parseSearch = (text: string): Search => Object.fromEntries(new URLSearchParams(text));

/** Commas and colons stay readable: the query allows them. */
export function stringifySearch(
  search: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search))
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  const text = parameters.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return text === '' ? '' : `?${text}`;
}

/** The parameters of the page's query. */
export const useQuerySearch = (): Search => useSearch({ strict: false }) as Search;

/** Changes parameters of the query; empty or null takes one out. Each change is a step of the history, unless it replaces. */
export function useSetSearch(): (
  change: Readonly<Record<string, string | null>>,
  how?: { replace?: boolean },
) => void {
  const navigate = useNavigate();
  return (change, { replace = false } = {}) =>
    void navigate({
      to: '.',
      replace,
      search: ((before: Search) =>
        Object.fromEntries(
          Object.entries({ ...before, ...change }).filter(([, value]) => value !== null && value !== ''),
        )) as never,
    });
}

/** A parameter of the page's path. */
export function usePathParam(name: string): string {
  return (useParams({ strict: false }) as Readonly<Record<string, string>>)[name] ?? '';
}
