import type { Api, OperationId } from './generated/api.ts';
import { operations } from './generated/operations.ts';
import type { Operation } from './operation.ts';
import { type ListAnswer, pageRequest } from './page.ts';

/** Makes one call of an operation. */
export type Call<Options> = (
  id: OperationId,
  params: readonly string[],
  input: object | undefined,
  options?: Options,
) => Promise<unknown>;

type Method = (...args: unknown[]) => unknown;

/** Builds the methods of every resource over one function that makes a call: of HTTP, or of the library. */
export function createApi<Options>(call: Call<Options>): Api<Options> {
  const api: Record<string, Record<string, Method>> = {};
  for (const id of Object.keys(operations) as OperationId[]) {
    const [resource, name] = id.split('.') as [string, string];
    (api[resource] ??= {})[name] = methodOf(id, operations[id], call);
  }
  // Which methods there are, and what they take, is generated from the same table as `operations`.
  return api as unknown as Api<Options>;
}

function methodOf<Options>(id: OperationId, operation: Operation, call: Call<Options>): Method {
  const { path, query, body, isList } = operation;
  const paramCount = path.match(/\{\w+\}/g)?.length ?? 0;
  const takesInput = query !== undefined || body !== undefined;
  const paramsOf = (args: readonly unknown[]): string[] => args.slice(0, paramCount) as string[];
  const inputOf = (args: readonly unknown[]): object | undefined =>
    takesInput ? (args[paramCount] as object | undefined) : undefined;
  const optionsOf = (args: readonly unknown[]): Options | undefined =>
    args[paramCount + (takesInput ? 1 : 0)] as Options | undefined;
  if (isList !== true) return (...args) => call(id, paramsOf(args), inputOf(args), optionsOf(args));
  return (...args) =>
    pageRequest((cursor) => {
      const input = cursor === null ? inputOf(args) : { ...inputOf(args), cursor };
      return call(id, paramsOf(args), input, optionsOf(args)) as Promise<ListAnswer>;
    });
}
