import type { CommonDatabase, Steps } from './steps.ts';

// A method of the port, written once: its work, and how its statements belong together.

type Method = (...args: never[]) => Promise<unknown>;
type Work<Args extends readonly unknown[], T> = (...args: Args) => Steps<T>;

export interface ColdMethod<Args extends readonly unknown[], T> {
  readonly within: keyof CommonDatabase;
  readonly work: Work<Args, T>;
}

/** The methods of a part of the port, written once. */
export type Cold<Part> = {
  readonly [Name in keyof Part]: Part[Name] extends Method
    ? ColdMethod<Parameters<Part[Name]>, Awaited<ReturnType<Part[Name]>>>
    : never;
};

const within =
  (how: keyof CommonDatabase) =>
  <Args extends readonly unknown[], T>(work: Work<Args, T>): ColdMethod<Args, T> => ({ within: how, work });

export const separately = within('separately');
export const snapshot = within('snapshot');
export const alone = within('alone');
export const transaction = within('transaction');
export const unsynced = within('unsynced');
export const erasing = within('erasing');
export const configuring = within('configuring');

type Methods = Readonly<Record<string, ColdMethod<never[], unknown>>>;

/** The methods on one database. Their names are those of the object, so that nothing lists them a second time. */
export function coldMethods<Part>(db: CommonDatabase, methods: Cold<Part> & Methods): Part {
  return Object.fromEntries(
    Object.entries<Methods[string]>(methods).map(([name, { within: how, work }]) => [
      name,
      (...args: never[]) => db[how](() => work(...args)),
    ]),
  ) as Part;
}
