import type { Api, OperationId } from './generated/api.ts';
import { operations } from './generated/operations.ts';
import type { Operation } from './operation.ts';
import { type ListAnswer, pageRequest } from './page.ts';

/** Calls an operation once. */
export type Call<Options> = (
  id: OperationId,
  params: readonly string[],
  input: object | undefined,
  options?: Options,
) => Promise<unknown>;

/** The input of a line body. */
export type LineSource = Iterable<unknown> | AsyncIterable<unknown>;

/** Makes a call with a streaming answer: of an operation that streams, or, with `lines`, in its line form. */
export type Open<Options> = (
  id: OperationId,
  params: readonly string[],
  input: object | undefined,
  lines: LineSource | null,
  options?: Options,
) => AsyncIterable<unknown>;

type Method = (...args: unknown[]) => unknown;

/** Builds the methods of every resource on the functions that make a call: over HTTP, or in the library. */
export function createApi<Options>(call: Call<Options>, open: Open<Options>): Api<Options> {
  const api: Record<string, Record<string, Method>> = {};
  for (const id of Object.keys(operations) as OperationId[]) {
    const [resource, name] = id.split('.') as [string, string];
    const methods = (api[resource] ??= {});
    methods[name] = createMethod(id, operations[id], call, open);
    if (operations[id].lines !== undefined)
      methods[`${name}Lines`] = (lines, input, options) =>
        open(id, [], input as object | undefined, lines as LineSource, options as Options | undefined);
  }
  // The methods and their parameters are generated from the same table as `operations`.
  return api as unknown as Api<Options>;
}

function createMethod<Options>(
  id: OperationId,
  { path, query, body, isList, messages }: Operation,
  call: Call<Options>,
  open: Open<Options>,
): Method {
  const paramCount = path.match(/\{\w+\}/g)?.length ?? 0;
  const takesInput = query !== undefined || body !== undefined;
  const paramsOf = (args: readonly unknown[]): string[] => args.slice(0, paramCount) as string[];
  const inputOf = (args: readonly unknown[]): object | undefined =>
    takesInput ? (args[paramCount] as object | undefined) : undefined;
  const optionsOf = (args: readonly unknown[]): Options | undefined =>
    args[paramCount + (takesInput ? 1 : 0)] as Options | undefined;
  if (messages !== undefined)
    return (...args) => open(id, paramsOf(args), inputOf(args), null, optionsOf(args));
  if (isList !== true) return (...args) => call(id, paramsOf(args), inputOf(args), optionsOf(args));
  return (...args) =>
    pageRequest((cursor) => {
      const input = cursor === null ? inputOf(args) : { ...inputOf(args), cursor };
      return call(id, paramsOf(args), input, optionsOf(args)) as Promise<ListAnswer>;
    });
}
