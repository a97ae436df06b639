import jsonata from 'jsonata';
import { transformationLimits } from '../domain/transformation.ts';
import { LimitError } from '../sandbox/serve.ts';
import { parseExact } from './exact-json.ts';
import { LinearRegExp } from './linear-regexp.ts';
import type { Transformed } from './protocol.ts';
import { beginRun, usedMs } from './runner-clock.ts';

/** The result would differ between attempts, or what they run cannot be checked when the expression is declared. */
const refusedFunctions: ReadonlyMap<string, string> = new Map([
  ['now', 'every attempt sends the same body: use $event.timestamp'],
  ['millis', 'every attempt sends the same body: use $toMillis($event.timestamp)'],
  ['random', 'every attempt sends the same body'],
  ['shuffle', 'every attempt sends the same body'],
  ['eval', 'an expression is checked when it is declared'],
]);
/** Limit of nested evaluations: more would exhaust the stack. */
const maxDepth = 400;
/** Limit of the items in a list: no result may have as many. */
const maxItems = transformationLimits.resultBytes;

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly position: number | null;
}

/** JSONata throws objects of its own as well as the engine's errors. */
function failureFrom(thrown: unknown): Failure {
  const { code, message, position } = thrown as { code?: unknown; message?: unknown; position?: unknown };
  return {
    code: typeof code === 'string' ? code : 'error',
    message: typeof message === 'string' ? message : 'the expression failed',
    position: typeof position === 'number' ? position : null,
  };
}

/** What an expression uses that cannot run: functions that do not exist, and patterns that need a backtracking matcher. */
function refusedIn(ast: unknown): string | null {
  const seen = new Set<object>();
  const open: unknown[] = [ast];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== 'object' || node === null || seen.has(node)) continue;
    seen.add(node);
    const { type, value, position } = node as { type?: unknown; value?: unknown; position?: unknown };
    const why = type === 'variable' && typeof value === 'string' ? refusedFunctions.get(value) : undefined;
    if (why !== undefined)
      return `$${String(value)} at position ${String(position)} is not available: ${why}`;
    if (value instanceof RegExp) void new LinearRegExp(value);
    open.push(...Object.values(node));
  }
  return null;
}

/** Returns why an expression cannot be declared, or null. */
export function expressionFault(expression: string): string | null {
  try {
    return refusedIn(jsonata(expression).ast());
  } catch (error) {
    const { code, message, position } = failureFrom(error);
    const place = position === null ? '' : ` at position ${position}`;
    return `${message.slice(0, 300)}${place} (${code})`;
  }
}

/** Why a result is refused: nothing in it changes silently. */
class ResultError extends Error {}

function isFunction(value: object): boolean {
  const { _jsonata_function: native, _jsonata_lambda: lambda } = value as Record<string, unknown>;
  return native === true || lambda === true;
}

/** Refuses what JSON would leave out or replace. */
function checked(this: unknown, _: string, value: unknown): unknown {
  if (typeof value === 'function' || (typeof value === 'object' && value !== null && isFunction(value)))
    throw new ResultError('the result contains a function');
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new ResultError('the result contains a number that JSON does not have (a division by zero?)');
  if (value === undefined && Array.isArray(this))
    throw new ResultError('the result contains a list with a missing value');
  return value;
}

function resultText(result: unknown): string {
  const text = JSON.stringify(result, checked) as string | undefined;
  if (text === undefined) throw new ResultError('the expression returned no value');
  const bytes = Buffer.byteLength(text);
  if (bytes > transformationLimits.resultBytes)
    throw new ResultError(`the result is ${bytes} bytes; the limit is ${transformationLimits.resultBytes}`);
  return text;
}

/** JSONata's messages quote data: the attempt log gets the code and the position, and a dry run gets everything. */
function faultFrom(thrown: unknown): Transformed {
  if (thrown instanceof ResultError) return { fault: thrown.message, detail: thrown.message };
  const { code, message, position } = failureFrom(thrown);
  // The language's own error for an exhausted stack, and the engine's for that or for a text that is too long.
  if (code === 'D1011' || thrown instanceof RangeError) {
    const fault = 'the expression nests too deeply, or its result is too large';
    return { fault, detail: fault };
  }
  const place = position === null ? '' : ` at position ${position}`;
  return {
    fault: `the expression failed${place} (${code})`,
    detail: `${message.slice(0, 500)}${place} (${code})`.toWellFormed(),
  };
}

const { implementation: pad } = (await jsonata('$pad').evaluate(null)) as {
  implementation: (text: string | undefined, width: number, char?: string) => string | undefined;
};

/** As `$pad`, which first makes a list of as many texts: it would end the process by its memory. */
function boundedPad(text: string | undefined, width: number, char?: string): string | undefined {
  if (Math.abs(width) > transformationLimits.resultBytes)
    throw new ResultError('the expression pads a text beyond the limit of a result');
  return pad(text, width, char);
}

/** Compiles an expression. The compiled form takes the data as text and `$event`, and returns a text or what went wrong. */
export function compiledExpression(
  expression: string,
): (text: string, limitMs: number) => Promise<Transformed> {
  const options: jsonata.JsonataOptions = {
    stack: maxDepth,
    sequence: maxItems,
    // It needs only one.
    RegexEngine: LinearRegExp as unknown as RegExpConstructor,
  };
  const compiled = jsonata(expression, options);
  // Expressions cannot name them; if one finds a way, they do not exist.
  for (const name of refusedFunctions.keys()) compiled.assign(name, undefined);
  compiled.registerFunction('pad', boundedPad, '<s-ns?:s>');
  // The transform operator copies its input with this.
  compiled.registerFunction(
    'clone',
    (value: unknown) => parseExact(JSON.stringify(value, checked)),
    '<(oa)-:o>',
  );
  return async (text, limitMs) => {
    const { event, data } = parseExact(text) as { event: { timestamp: string }; data: unknown };
    options.timeout = limitMs;
    beginRun(Date.parse(event.timestamp));
    try {
      return { text: resultText(await compiled.evaluate(data, { event })) };
    } catch (error) {
      if (usedMs() >= limitMs) throw new LimitError('the expression used up its time');
      return faultFrom(error);
    }
  };
}
