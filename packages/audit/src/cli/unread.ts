import { count } from 'posthorn/report';
import type { AuditResult } from '../result.ts';
import { note } from 'posthorn/cli';

/** Prints how much of the input could not be read: its deliveries are missing from the result (G5). */
export function noteUnread({ coverage, expected, received }: AuditResult, log: string): boolean {
  const unread = [
    { of: log, what: 'lines', total: coverage.lines, n: coverage.malformed.count },
    ...[expected, received].flatMap((one) =>
      one === null ? [] : [{ of: one.file, what: 'rows', total: one.rows, n: one.unusable }],
    ),
  ].filter(({ n }) => n > 0);
  for (const { of, what, total, n } of unread)
    note(
      `posthorn: ${count(n)} of ${count(total)} ${what} of ${of} cannot be read and are missing from this result`,
    );
  return unread.length > 0;
}
