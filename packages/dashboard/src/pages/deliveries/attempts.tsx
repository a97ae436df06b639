import type { ReactNode } from 'react';
import { Chip, states } from '../../parts/state.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { type Details, tookText } from './timeline.ts';
import { classText } from './words.ts';

type Attempt = Details['attempts'][number];

/** The attempts of a delivery, one of which is looked at. */
export function Attempts({
  details: { attempts },
  selected,
  onSelect,
}: {
  details: Details;
  selected: number | null;
  onSelect: (n: number) => void;
}): ReactNode {
  return (
    <div className="claims">
      <Table
        caption="Attempts of this delivery, oldest first"
        rows={attempts}
        keyOf={({ n }) => String(n)}
        selected={selected === null ? null : String(selected)}
        rowProps={({ n }) => ({ onClick: () => onSelect(n) })}
        columns={[claimColumn(onSelect), ...columns]}
      />
    </div>
  );
}

const claimColumn = (onSelect: (n: number) => void): Column<Attempt> => ({
  key: 'n',
  head: 'Claim',
  phone: 'first',
  width: '64px',
  cell: ({ n }, isSelected) => (
    <button
      type="button"
      className="button button-plain"
      aria-pressed={isSelected}
      onClick={() => onSelect(n)}
    >
      <span className="phone-only">claim </span>
      {n}
    </button>
  ),
});

const columns: readonly Column<Attempt>[] = [
  {
    key: 'started',
    head: (
      <>
        started (<ZoneName />)
      </>
    ),
    cell: ({ started_at: at, duration_ms: ms, status_code: status }) => (
      <>
        <When at={at} precision="millisecond" />
        <span className="phone-only soft">
          {' '}
          took {tookText(ms)}
          {status === null ? '' : `, answered ${status}`}
        </span>
      </>
    ),
  },
  {
    key: 'took',
    head: 'Took',
    isNumber: true,
    phone: 'hidden',
    cell: ({ duration_ms: ms }) => tookText(ms),
  },
  {
    key: 'answer',
    head: 'Answer',
    isNumber: true,
    phone: 'hidden',
    cell: ({ status_code: status }) => status ?? '–',
  },
  {
    key: 'outcome',
    head: 'Outcome',
    phone: 'end',
    cell: ({ outcome }) => (
      <Chip tone={states[outcome].tone} glyph={states[outcome].glyph}>
        {states[outcome].word}
      </Chip>
    ),
  },
  { key: 'why', head: 'Why', cell: (attempt) => <Why attempt={attempt} /> },
  { key: 'trigger', head: 'Trigger', phone: 'hidden', cell: ({ trigger }) => trigger },
  {
    key: 'node',
    head: 'Node',
    phone: 'hidden',
    cell: ({ node }) => (node === null ? '' : <Untrusted text={node} max={20} />),
  },
];

function Why({ attempt: { error_class: error, message, outcome } }: { attempt: Attempt }): ReactNode {
  if (outcome === 'superseded') return 'settled when the delivery was no longer its own: it changed nothing';
  if (error === null) return message ?? '';
  return (
    <>
      <code>{error}</code> {message === null ? classText(error) : <Untrusted text={message} max={160} />}
    </>
  );
}
