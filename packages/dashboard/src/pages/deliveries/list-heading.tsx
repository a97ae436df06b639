import type { ReactNode } from 'react';
import { countText, plural } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { presetWords, type Range } from '../../range.ts';
import { type Filters, filterWords, isCounted } from './filters.ts';

/** How many match: from counters if they know the filter, else of what was found. */
export function Heading({
  query,
  filters,
  range,
  found,
  isEnd,
}: {
  query: Readonly<Record<string, string>>;
  filters: Filters;
  range: Range;
  found: number;
  isEnd: boolean;
}): ReactNode {
  const { since, until, tenant, endpoint_id, event_type, owner } = query;
  const known = isCounted(filters);
  const sums = useRead(
    'accounting.get',
    { query: { since, until, tenant, endpoint_id, event_type, owner } },
    { enabled: known },
  );
  const words = filterWords(filters);
  const when =
    range.last === null
      ? 'in this window'
      : `in the ${presetWords[range.last as keyof typeof presetWords] ?? range.last}`;
  const count = ((): string => {
    if (known && sums.data !== undefined) {
      const { accepted, delivered, pending, dead, cancelled, suppressed } = sums.data;
      const byState: Readonly<Record<string, number>> = { delivered, pending, dead, cancelled, suppressed };
      const of =
        filters.state === undefined
          ? accepted
          : filters.state.split(',').reduce((sum, state) => sum + (byState[state] ?? 0), 0);
      return plural(Math.max(of, found), 'delivery', 'deliveries');
    }
    return isEnd ? plural(found, 'delivery', 'deliveries') : `${countText(found)} deliveries and more`;
  })();
  return (
    <Sentence
      lead={
        words === '' ? (
          'All of them, newest first.'
        ) : (
          <>
            Shown: <bdi>{visible(words)}</bdi>.
          </>
        )
      }
    >
      {count} {when}
    </Sentence>
  );
}

/** Why the list is empty, and what next. */
export function Nothing({ filters, range }: { filters: Filters; range: Range }): ReactNode {
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <Empty>
      No delivery {isFiltered ? 'like this ' : ''}was accepted{' '}
      {range.last === null
        ? 'in this window'
        : `in the ${presetWords[range.last as keyof typeof presetWords] ?? range.last}`}
      . {isFiltered ? 'Take out a filter, or look further back.' : 'Look further back, or publish an event.'}
    </Empty>
  );
}
