import type { Shape } from './shape.ts';

/** One operation of the API, as far as a client needs it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters in braces: `/v1/endpoints/{id}`. */
  readonly path: string;
  readonly query?: Shape;
  readonly body?: Shape;
  /** Another status, besides 2xx, with the same answer. */
  readonly otherStatus?: number;
  /** Without one, the answer does not have a body. */
  readonly answer?: Shape | 'text';
  /** The answer is one page of a list. */
  readonly isList?: true;
  /** The answer is a stream: the shape of each of its messages, by its event. */
  readonly messages?: Readonly<Record<string, Shape>>;
  /** The same operation with a body and an answer of lines; its other input is in the query. */
  readonly lines?: { readonly query: Shape; readonly line: Shape; readonly answer: Shape };
}
