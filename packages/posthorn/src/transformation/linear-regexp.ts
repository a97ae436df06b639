import type { Matcher } from 're2js';
import { linearProgram } from '../sandbox/patterns.ts';

/** The part of `RegExp` that JSONata uses, in linear time: a backtracking matcher could only be stopped with its process. */
export class LinearRegExp {
  lastIndex = 0;
  readonly #program: ReturnType<typeof linearProgram>;
  #text: string | null = null;
  #matcher: Matcher | null = null;

  constructor({ source, flags }: RegExp) {
    this.#program = linearProgram(source, flags);
  }

  /** Returns the next match from `lastIndex` on. */
  exec(text: string): (string | undefined)[] | null {
    if (text !== this.#text || this.#matcher === null) {
      this.#text = text;
      this.#matcher = this.#program.matcher(text);
    }
    const matcher = this.#matcher;
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    this.lastIndex = matcher.end();
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, n) => matcher.group(n) ?? undefined);
    return Object.assign(groups, { index: matcher.start() });
  }
}
