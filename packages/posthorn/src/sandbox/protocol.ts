// What the main thread and a thread of a pool send each other: plain data only.

/** What a user declared to be run: a schema, or an expression. */
export interface Program {
  readonly hash: string;
  readonly text: string;
  /** Its text says that it does little with ordinary data: it need not wait for what may hang. */
  readonly isSimple: boolean;
}

export type ThreadRequest =
  | { readonly kind: 'inspect'; readonly program: string }
  /** Compiles a program; it then runs by its hash. */
  | { readonly kind: 'prepare'; readonly program: Program }
  /** `limitMs`: processor time of each text, for languages that can stop by themselves. */
  | { readonly kind: 'run'; readonly parts: readonly TextsOfProgram[]; readonly limitMs: number };

export interface TextsOfProgram {
  readonly hash: string;
  readonly texts: readonly string[];
}

export type ThreadAnswer<R> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'inspected'; readonly fault: string | null }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'ran'; readonly parts: readonly PartAnswer<R>[] }
  /** The thread has forgotten the program: prepare it again. */
  | { readonly kind: 'missing'; readonly hash: string }
  /** The program cannot be compiled or run at all. */
  | { readonly kind: 'unusable'; readonly message: string };

/** What became of the texts of one program. `exceeded`: it stopped by itself when it had used the limit. */
export type PartAnswer<R> =
  | { readonly kind: 'done'; readonly results: readonly R[] }
  | { readonly kind: 'unusable'; readonly message: string }
  | { readonly kind: 'exceeded' };

/** An answer, and the processor time in milliseconds that the thread has used since its start. */
export interface ThreadMessage<R> {
  readonly answer: ThreadAnswer<R>;
  readonly cpuMs: number;
}
