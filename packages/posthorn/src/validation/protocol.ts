// What the main thread and a validation thread send each other: plain data only.

/** One fault of a text: where, and what. */
export interface SchemaFault {
  readonly path: string;
  readonly message: string;
}

/** Null: valid. */
export type Verdict = readonly SchemaFault[] | null;

export type ThreadRequest =
  | { readonly kind: 'inspect'; readonly schema: string }
  /** Compiles a schema; texts are then validated by its hash. */
  | { readonly kind: 'prepare'; readonly hash: string; readonly schema: string }
  | { readonly kind: 'validate'; readonly parts: readonly TextsOfSchema[] };

export interface TextsOfSchema {
  readonly hash: string;
  readonly texts: readonly string[];
}

export type ThreadAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'inspected'; readonly fault: string | null }
  | { readonly kind: 'prepared' }
  /** For each part its verdicts, or why its schema cannot run. */
  | { readonly kind: 'validated'; readonly parts: readonly (readonly Verdict[] | string)[] }
  /** The thread has forgotten the schema: prepare it again. */
  | { readonly kind: 'missing'; readonly hash: string }
  /** The schema cannot be compiled or run at all. */
  | { readonly kind: 'unusable'; readonly message: string };

/** An answer, and the processor time in milliseconds that the thread has used since its start. */
export interface ThreadMessage {
  readonly answer: ThreadAnswer;
  readonly cpuMs: number;
}
