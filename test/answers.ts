import { isDeepStrictEqual } from 'node:util';
import { errorKinds, problemAnswer } from '../packages/posthorn/src/contract/errors.ts';
import { operationErrors, rareErrors } from '../packages/posthorn/src/contract/operation-errors.ts';
import type { Operation } from '../packages/posthorn/src/contract/operation.ts';
import { table } from '../packages/posthorn/src/contract/table.ts';

/** An answer of a Posthorn server. */
export interface SeenAnswer {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const operations: readonly Operation[] = Object.values(table);

function fits(pattern: string, path: string): boolean {
  const given = path.split('/');
  const parts = pattern.split('/');
  return (
    parts.length === given.length &&
    parts.every((part, at) => (part.startsWith('{') ? given[at] !== '' : part === given[at]))
  );
}

function operationOf(method: string, url: string): Operation | undefined {
  // The path may have its absolute form.
  const path = url.replace(/^https?:\/\/[^/]+/, '').split('?')[0]!;
  const fitting = operations.filter((one) => one.method === method && fits(one.path, path));
  // A path without parameters goes before one with: `/v1/events/batch`.
  return fitting.find((one) => one.path === path) ?? fitting[0];
}

/** Describes how a value differs from the schema, including missing and additional fields; null if it does not. */
function faultOf(schema: NonNullable<Operation['answer']>, value: unknown): string | null {
  const result = schema.safeParse(value);
  if (!result.success) return result.error.message;
  // A default that the schema fills in would hide a field that is missing.
  return isDeepStrictEqual(result.data, value) ? null : 'the schema changes it';
}

function problemFault(operation: Operation | undefined, status: number, value: unknown): string | null {
  const fault = faultOf(problemAnswer, value);
  if (fault !== null) return fault;
  const { code, status: said } = problemAnswer.parse(value);
  if (said !== status) return `its status is ${said}`;
  const known = Object.entries(errorKinds).find(([one]) => one === code)?.[1];
  if (known?.status !== status) return `${code} has another status, or is not in the contract`;
  if (rareErrors.some((one) => one === code)) return null;
  if (operation === undefined || operationErrors(operation).some((one) => one === code)) return null;
  return `${code} is not among the errors of the operation`;
}

const linesIn = (body: string): string[] => body.split('\n').slice(0, -1);

/** Server-sent events as the contract has them; the last one may have been cut off. */
function messagesIn(body: string): unknown[] {
  return body
    .split('\n\n')
    .slice(0, -1)
    .filter((text) => text !== ':')
    .map((text) => {
      const field = (name: string): string | null =>
        new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? null;
      return { event: field('event'), id: field('id'), data: JSON.parse(field('data')!) as unknown };
    });
}

function firstFault(schema: NonNullable<Operation['answer']>, values: readonly unknown[]): string | null {
  for (const value of values) {
    const fault = faultOf(schema, value);
    if (fault !== null) return fault;
  }
  return null;
}

/** Describes how a response violates the contract; null if it does not. */
export function answerFault({ method, url, status, contentType, body }: SeenAnswer): string | null {
  // An API of another shape, whose answers are read by its own clients.
  if (/^\/+api\//.test(url)) return null;
  const operation = operationOf(method, url);
  const type = contentType.split(';')[0];
  if (status === 304) return body === '' ? null : 'a 304 must not have a body';
  if (method === 'HEAD' && body === '') return null;
  if (type === 'application/problem+json') return problemFault(operation, status, JSON.parse(body));
  if (operation === undefined)
    return status < 400 ? 'no operation has this method and path' : 'it is not a problem document';
  if (status !== operation.status && status !== operation.otherStatus)
    return 'the operation has another status';
  if (operation.lines !== undefined && contentType === 'application/x-ndjson')
    return firstFault(
      operation.lines.answer,
      linesIn(body).map((line) => JSON.parse(line) as unknown),
    );
  if (operation.isStream === true)
    return contentType === operation.contentType
      ? firstFault(operation.answer!, messagesIn(body))
      : `it is ${contentType}`;
  if (operation.answer === null) return body === '' ? null : 'the operation must not have a body';
  if (contentType !== (operation.contentType ?? 'application/json; charset=utf-8'))
    return `it is ${contentType}`;
  return faultOf(operation.answer, type === 'application/json' ? JSON.parse(body) : body);
}
