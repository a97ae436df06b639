import { ApiError, type Client } from '@posthorn/client';

// What answers with 2xx and JSON need not be Posthorn. Members that a command reads are checked before it prints them, or takes
// the work for done (G5); members that it does not know pass.

type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === 'string';
export const number: Check = (value) => typeof value === 'number';
export const flag: Check = (value) => typeof value === 'boolean';
/** Minor units; as text beyond 2^53. */
const amount: Check = (value) => Number.isSafeInteger(value) || /^-?\d{1,30}$/.test(String(value));

export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** Whether a value is an object whose members of these names pass these checks. */
export const shapeOf =
  <T>(members: Readonly<Record<string, Check>>) =>
  (value: unknown): value is T =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, check]) => check((value as Record<string, unknown>)[name]));

export const money = listOf(shapeOf({ currency: text, amount_minor: amount }));

/** What an answer has to be. */
export type Shape<T> = (value: unknown) => value is T;

/** An answer of success that does not hold what Posthorn answers there. */
export const strangeAnswer = (method: string, path: string): ApiError =>
  new ApiError(
    200,
    'garbled',
    `the answer to ${method} ${path.split('?')[0]} is not one of this version of Posthorn; is the URL right?`,
  );

/** Sends a request, and returns its answer if it has this shape. */
export async function ask<T>(
  client: Client,
  shape: Shape<T>,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await client.request<unknown>(method, path, body);
  if (shape(answer)) return answer;
  throw strangeAnswer(method, path);
}
