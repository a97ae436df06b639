import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer } from '../../api.ts';
import { moneyLine } from '../../parts/money.ts';
import { countText } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { inTimeText } from '../endpoints/words.ts';
import './teams.css';

type Overview = Answer<'teams.overview'>;
type Cell = Overview['matrix'][number];

function CellText({ cell, search }: { cell: Cell; search: Readonly<Record<string, string>> }): ReactNode {
  const lost = cell.dead + cell.suppressed + cell.late_pending;
  const tone = cell.dead + cell.suppressed > 0 ? 'bad' : cell.late_pending > 0 ? 'wait' : 'good';
  const glyph = tone === 'bad' ? '✕' : tone === 'wait' ? '◐' : '●';
  return (
    <Link to="/deliveries" search={search as never} className="matrix-cell">
      <span className={tone}>
        <span aria-hidden="true">{glyph}</span> {inTimeText(cell.in_time)}
      </span>
      {lost === 0 ? null : (
        <span className="label">
          {countText(lost)} at risk{cell.at_risk.length === 0 ? '' : `: ${moneyLine(cell.at_risk, 1)}`}
        </span>
      )}
    </Link>
  );
}

/** Types by endpoints: how much was in time, and what is at risk. The visibility that both teams share. */
export function Matrix({ overview, side }: { overview: Overview; side: 'sends' | 'receives' }): ReactNode {
  const own = new Set(overview.sends.map(({ event_type: type }) => type));
  const parties = side === 'sends' ? [...overview.receives, ...overview.others] : overview.receives;
  const ids = new Set(parties.map(({ endpoint_id: id }) => id));
  const cells = overview.matrix.filter(
    ({ event_type: type, endpoint_id: id }) => ids.has(id) && (side === 'receives' || own.has(type)),
  );
  if (cells.length === 0)
    return (
      <Empty>
        {side === 'sends'
          ? 'Nothing that the team sends was accepted in these 24 hours.'
          : 'Nothing was accepted for the endpoints of the team in these 24 hours.'}
      </Empty>
    );
  const types = [...new Set(cells.map(({ event_type: type }) => type))].toSorted();
  const columns = parties.filter(({ endpoint_id: id }) => cells.some((cell) => cell.endpoint_id === id));
  return (
    <div
      className="table-scroll"
      role="region"
      aria-label={side === 'sends' ? 'What we send' : 'What we receive'}
      tabIndex={0}
    >
      <table className="matrix">
        <caption className="sr">Share in time and worth at risk, by event type and endpoint</caption>
        <thead>
          <tr>
            <th scope="col">Event type</th>
            {columns.map(({ endpoint_id: id, host, owner }) => (
              <th key={id} scope="col">
                {visible(host)}
                <div className="label">{owner === null ? 'no owner' : visible(owner)}</div>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {types.map((type) => (
            <tr key={type}>
              <th scope="row" className="mono">
                <Untrusted text={type} />
              </th>
              {columns.map(({ endpoint_id: id }) => {
                const cell = cells.find((one) => one.event_type === type && one.endpoint_id === id);
                return (
                  <td key={id}>
                    {cell === undefined ? (
                      <span className="soft">–</span>
                    ) : (
                      <CellText cell={cell} search={{ endpoint_id: id, event_type: type }} />
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
