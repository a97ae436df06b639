import type { Shape } from './shape.ts';

/** One call of the API, as much of it as a client needs. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters in braces: `/v1/endpoints/{id}`. */
  readonly path: string;
  readonly query?: Shape;
  readonly body?: Shape;
  /** Besides those of success, one that has the same answer. */
  readonly otherStatus?: number;
  /** Without one, the answer has no body. */
  readonly answer?: Shape | 'text';
  /** The answer is one page of a list that goes on. */
  readonly isList?: true;
  /** The answer goes on: the shape of each of its messages, by its event. */
  readonly messages?: Readonly<Record<string, Shape>>;
  /** The same call with a body and an answer of lines; what else it is told is in the query. */
  readonly lines?: { readonly query: Shape; readonly line: Shape; readonly answer: Shape };
}
