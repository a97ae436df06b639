import { stringify } from 'yaml';
import { CommandError, note, print, printJson, table } from '../cli/output.ts';
import { writePrivately } from '../cli/private-file.ts';

// What every importer of another sender's configuration does in the same way: a file for `posthorn apply`, and a report.

/** What was left out, or what is otherwise than it was, and why. */
export interface Remark {
  readonly kind: string;
  readonly id: string;
  readonly reason: string;
}

/** The declarations of a posthorn.yaml, and what could not be declared as it was. */
export interface Declarations {
  readonly document: {
    readonly tenants: Readonly<Record<string, object>>;
    readonly event_types: Readonly<Record<string, object>>;
    readonly endpoints: Readonly<Record<string, object>>;
  };
  /** Left out. */
  readonly skipped: readonly Remark[];
  /** Taken, but otherwise than it was. */
  readonly changed: readonly Remark[];
}

export interface OutputOptions {
  readonly out: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Reads another sender's store; an error of it ends the command. */
export async function readStore<T>(what: string, read: Promise<T>): Promise<T> {
  return await read.catch((error: Error) => {
    throw new CommandError(`cannot read ${what}: ${error.message}`);
  });
}

const rowsOf = (remarks: readonly Remark[]): string[][] =>
  remarks.map(({ kind, id, reason }) => [kind, id, reason]);

/** The counts and remarks of a JSON report. */
export function summaryOf({ document, skipped, changed }: Declarations): Record<string, unknown> {
  return {
    tenants: Object.keys(document.tenants).length,
    endpoints: Object.keys(document.endpoints).length,
    event_types: Object.keys(document.event_types).length,
    skipped,
    changed,
  };
}

/** Writes the file unless it is a dry run. */
export function writeDeclarations({ document }: Declarations, { out, dryRun }: OutputOptions): void {
  if (dryRun !== true) writePrivately(out, stringify(document));
}

/** Prints what was taken, changed and left out. What was left out is a finding: the exit code is 1. */
export function reportDeclarations(declared: Declarations, { out, dryRun, json }: OutputOptions): void {
  const summary = summaryOf(declared);
  const { skipped, changed } = declared;
  if (skipped.length > 0) process.exitCode = 1;
  if (json === true) return printJson({ file: dryRun === true ? null : out, ...summary });
  const counts = `${String(summary['tenants'])} tenants, ${String(summary['endpoints'])} endpoints and ${String(summary['event_types'])} event types`;
  print(
    dryRun === true
      ? `${counts} would be in ${out}, with their secrets.`
      : `${counts} in ${out}, with their secrets.`,
  );
  if (changed.length > 0) print(table(['changed', 'id', 'how'], rowsOf(changed)));
  if (skipped.length > 0) print(table(['left out', 'id', 'why'], rowsOf(skipped)));
  if (dryRun !== true) note(`Look at what it would change: posthorn apply --file ${out} --dry-run`);
}
