import { readFileSync } from 'node:fs';
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { CommandError } from './output.ts';

/** A YAML file as its author wrote it, with line numbers for faults. */
export interface YamlFile {
  readonly path: string;
  readonly value: unknown;
  /** Lines of the form `path:line: member: message`, for what a schema reports about the value at `at`. */
  faults(issues: readonly z.core.$ZodIssue[], at?: readonly PropertyKey[]): string[];
}

/** Reads a whole file of UTF-8; - is standard input. A `CommandError` says why it cannot be read. */
export function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path === '-' ? 0 : path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? `${path} is not UTF-8`
        : `cannot read ${path}: ${message}`,
      2,
    );
  }
}

/** Reads one document; - is standard input. A `CommandError` says what is wrong with it, and where. */
export function readYaml(path: string): YamlFile {
  const text = readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0)
    throw new CommandError(document.errors.map(({ message }) => `${path}: ${message}`).join('\n'), 2);
  return {
    path,
    value: document.toJS() as unknown,
    faults: (issues, at = []) =>
      issues.map((issue) => {
        const own = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
        const steps = [...at, ...own];
        return `${path}:${lineNumber(document, lines, steps)}: ${steps.join('.')}: ${issue.message}`;
      }),
  };
}

/** The line of a member's name; a missing member gets its parent's line. */
function lineNumber(document: Document, lines: LineCounter, steps: readonly PropertyKey[]): number {
  for (let length = steps.length; length > 0; length--) {
    const parent = document.getIn(steps.slice(0, length - 1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === steps[length - 1])
      : undefined;
    const node = pair === undefined ? document.getIn(steps.slice(0, length), true) : pair.key;
    const range = isScalar(node) || isMap(node) || isSeq(node) ? node.range : undefined;
    if (range !== undefined && range !== null) return lines.linePos(range[0]).line;
  }
  return 1;
}
