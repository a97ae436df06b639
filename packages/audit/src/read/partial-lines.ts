import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { AuditStopped } from '../errors.ts';
import type { SniffedFile } from './files.ts';
import { piecesOf } from './malformed.ts';

// Container runtimes cut long lines: containerd marks a part with P instead of F, Docker leaves out the line break at its end. The parts
// of a line are joined before it is read.

/** A runtime's way to cut lines. */
interface Cutter {
  /** Whether a line is of this runtime. */
  readonly isLine: (line: string) => boolean;
  /** The stream of a line, its text, and whether the line goes on; null if it is something else. */
  readonly part: (line: string) => { readonly stream: string; readonly goesOn: boolean } | null;
  /** One line from its parts. */
  readonly join: (parts: readonly string[]) => string;
}

const criLine = /^(\S+) (stdout|stderr) ([FP])(?::\S+)? /;
const cri: Cutter = {
  isLine: (line) => criLine.test(line),
  part: (line) => {
    const match = criLine.exec(line);
    return match === null ? null : { stream: match[2]!, goesOn: match[3] === 'P' };
  },
  join: (parts) =>
    parts
      .map((part, index) => (index === 0 ? part.replace(' P ', ' F ') : part.replace(criLine, '')))
      .join(''),
};

const dockerLine = /^\{"log":".*","stream":"(stdout|stderr)","time":"[^"]+"\}$/;
const docker: Cutter = {
  isLine: (line) => dockerLine.test(line),
  part: (line) => {
    const match = dockerLine.exec(line);
    return match === null ? null : { stream: match[1]!, goesOn: !line.includes('\\n","stream":"') };
  },
  join: (parts) => {
    const records = parts.map((part) => JSON.parse(part) as { readonly log: string });
    return JSON.stringify({ ...records[0], log: records.map(({ log }) => log).join('') });
  },
};

/** A line has at most so many bytes; the rest of a longer one is a line of its own, which is reported as malformed. */
const maxJoinedLength = 4 * 1024 * 1024;

/** Lines of a file, without their ends. */
async function* linesOf(file: SniffedFile, signal: AbortSignal | undefined): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of piecesOf(file)) {
    if (signal?.aborted === true) throw new AuditStopped();
    const lines = (rest + piece).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  if (rest !== '') yield rest;
}

/** Returns the runtime whose lines a file consists of; null if it is of none, or if none of its lines is cut. */
async function cutterOf(file: SniffedFile, signal: AbortSignal | undefined): Promise<Cutter | null> {
  if (file.container !== 'text' && file.container !== 'ndjson') return null;
  const cutter = [cri, docker].find(
    ({ isLine }) => file.lines.length > 0 && file.lines.filter(isLine).length >= file.lines.length * 0.9,
  );
  if (cutter === undefined) return null;
  for await (const line of linesOf(file, signal)) if (cutter.part(line)?.goesOn === true) return cutter;
  return null;
}

/** Writes a copy of a file with the parts of its lines joined to `path`; returns false if none of its lines is cut. */
export async function joinPartialLines(
  file: SniffedFile,
  path: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const cutter = await cutterOf(file, signal);
  if (cutter === null) return false;
  const out = createWriteStream(path, { mode: 0o600 });
  const write = async (line: string): Promise<void> => {
    if (!out.write(`${line}\n`)) await once(out, 'drain');
  };
  const open = new Map<string, { parts: string[]; length: number }>();
  for await (const line of linesOf(file, signal)) {
    const part = cutter.part(line);
    if (part === null) {
      await write(line);
      continue;
    }
    const before = open.get(part.stream) ?? { parts: [], length: 0 };
    before.parts.push(line);
    before.length += line.length;
    if (part.goesOn && before.length < maxJoinedLength) open.set(part.stream, before);
    else {
      open.delete(part.stream);
      await write(before.parts.length === 1 ? line : cutter.join(before.parts));
    }
  }
  // A file that was cut off in the middle of a line.
  for (const { parts } of open.values()) await write(cutter.join(parts));
  out.end();
  await once(out, 'finish');
  return true;
}
