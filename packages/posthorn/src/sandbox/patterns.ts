import { RE2JS } from 're2js';

/** What Ajv needs of a compiled pattern; `toString` is the key under which Ajv shares it. */
export interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

const escape = String.raw`\\(?:[dDwWsStnrfv0^$.*+?()[\]{}|\\/-]|[pP]\{[A-Za-z_=]{1,60}\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\})`;
const characterClass = String.raw`\[\^?(?:[^\\\]]|${escape})+\]`;
const quantifier = String.raw`(?:[*+?]|\{\d{1,6}(?:,\d{0,6})?\})`;
/** An anchored sequence of literals, escapes and classes, each with or without a quantifier. */
const sequence = new RegExp(
  String.raw`^\^(?:(?:[^\\^$.*+?()[\]{}|]|\.|${escape}|${characterClass})${quantifier}?){0,200}\$?$`,
  'u',
);
const variableLength = new RegExp(String.raw`${escape}|${characterClass}|([*+?]|\{\d+,\d*\})`, 'gu');

/**
 * Whether V8's backtracking matcher takes linear time for this pattern: it is anchored at its start, without groups or
 * alternatives, and with at most one part of variable length, so that there is only one thing to go back to.
 */
function isSimple(pattern: string): boolean {
  if (!sequence.test(pattern)) return false;
  const variables = [...pattern.matchAll(variableLength)].filter(([, found]) => found !== undefined);
  return variables.length <= 1;
}

/** A pattern as the linear-time engine has it. Throws for what it does not have. */
export function linearProgram(pattern: string, flags: string): RE2JS {
  const ignoresCase = flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0;
  const hasLines = flags.includes('m') ? RE2JS.MULTILINE : 0;
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern), ignoresCase | hasLines);
  } catch (error) {
    throw new Error(
      `the pattern ${JSON.stringify(pattern.slice(0, 100))} cannot run in linear time (${(error as Error).message.slice(0, 100)}): use a pattern without lookahead, lookbehind, backreferences and repeat counts above 1,000`,
      { cause: error },
    );
  }
}

/**
 * A pattern that takes time in proportion to the text (G8). Throws for what only a backtracking matcher runs: lookahead,
 * lookbehind and references back, and whatever is not a pattern.
 */
export function linearPattern(pattern: string, flags = 'u'): Pattern {
  // Says what is wrong in the words that people know from JavaScript.
  const native = new RegExp(pattern, flags);
  if (isSimple(pattern)) return native;
  const program = linearProgram(pattern, flags);
  return { test: (text) => program.test(text), toString: () => `linear:${flags}:${pattern}` };
}

/** The same; what cannot be matched in linear time is run by V8, and the caller bounds its time. */
export function boundedPattern(pattern: string, flags = 'u'): Pattern {
  try {
    return linearPattern(pattern, flags);
  } catch {
    return new RegExp(pattern, flags);
  }
}
