import { iso } from '../../domain/time.ts';
import { count as many } from '../../report/count.ts';
import { fields, print, printJson, table } from '../output.ts';
import { aspects, type Comparison, isEqual } from './compare.ts';
import type { TimeRange } from './other-sender.ts';
import type { Pairs } from './pairs.ts';

export interface Report extends Pick<Pairs, 'onlyOwn' | 'onlyOther'> {
  readonly range: TimeRange;
  readonly comparisons: readonly Comparison[];
}

/** Whether every endpoint has its counterpart, and every event was treated alike. */
export const isReportEqual = ({ comparisons, onlyOwn, onlyOther }: Report): boolean =>
  onlyOwn.length === 0 && onlyOther.length === 0 && comparisons.every(isEqual);

/** Event ids by what is the matter with them. */
function idsByFinding(comparison: Comparison): Readonly<Record<string, readonly string[]>> {
  const ids = (list: readonly { readonly eventId: string }[]): string[] => list.map(({ eventId }) => eventId);
  const { differing } = comparison;
  return {
    only_here: ids(comparison.onlyHere),
    only_there: comparison.onlyThere,
    unsent_there: ids(comparison.unsentThere),
    delivered_twice: ids(comparison.twice),
    ...Object.fromEntries(aspects.map((aspect) => [`${aspect}_differs`, differing[aspect]])),
  };
}

export function reportJson({ range, comparisons, onlyOwn, onlyOther }: Report, maxExamples: number): void {
  printJson({
    since: iso(range.since),
    until: iso(range.until),
    equal: isReportEqual({ range, comparisons, onlyOwn, onlyOther }),
    endpoints: comparisons.map((comparison) => {
      const { pair, both, bodiesCompared } = comparison;
      const found = Object.entries(idsByFinding(comparison));
      return {
        endpoint_id: pair.own.id,
        name: pair.own.name,
        tenant: pair.own.tenant,
        counterpart: pair.other.id,
        both: both.length,
        requests_compared: bodiesCompared,
        ...Object.fromEntries(found.map(([finding, ids]) => [finding, ids.length])),
        examples: Object.fromEntries(
          found.flatMap(([finding, ids]) =>
            ids.length === 0 ? [] : [[finding, ids.slice(0, maxExamples)] as const],
          ),
        ),
      };
    }),
    only_in_posthorn: onlyOwn.map(({ id }) => id),
    only_in_other: onlyOther.map(({ id }) => id),
  });
}

export function reportText(report: Report, maxExamples: number): void {
  const { range, comparisons, onlyOwn, onlyOther } = report;
  print(`Events accepted from ${iso(range.since)} until ${iso(range.until)}\n`);
  print(
    table(
      ['endpoint', 'both', 'only here', 'only there', 'unsent there', 'twice', 'differ', 'compared'],
      comparisons.map((one) => [
        one.pair.own.name ?? one.pair.own.id,
        one.both.length,
        one.onlyHere.length,
        one.onlyThere.length,
        one.unsentThere.length,
        one.twice.length,
        aspects.reduce((sum, aspect) => sum + one.differing[aspect].length, 0),
        one.bodiesCompared,
      ]),
    ),
  );
  for (const comparison of comparisons)
    for (const [finding, ids] of Object.entries(idsByFinding(comparison)))
      if (ids.length > 0)
        print(
          `\n${comparison.pair.own.name ?? comparison.pair.own.id}, ${finding.replaceAll('_', ' ')} (${many(ids.length)}):\n${ids.slice(0, maxExamples).join('\n')}`,
        );
  const alone = fields([
    ['only in Posthorn', onlyOwn.map(({ id, name }) => name ?? id).join('\n')],
    ['only in the other sender', onlyOther.map(({ names, id }) => names[0] ?? id).join('\n')],
  ]);
  if (alone !== '') print(`\nEndpoints without a counterpart:\n${alone}`);
  print(isReportEqual(report) ? '\nBoth senders did the same.' : '\nThe senders differ.');
}
