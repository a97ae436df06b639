import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { Table } from '../../parts/table.tsx';
import { Chip } from '../../parts/state.tsx';
import { durationText } from '../../parts/time.ts';
import { visible } from '../../parts/untrusted.tsx';
import { sideNames, type SideStatus, sideTitle, type Status, timesText } from './words.ts';

const windows: Readonly<Record<string, string>> = {
  '5m': '5 min',
  '30m': '30 min',
  '1h': 'hour',
  '2h': '2 hours',
  '6h': '6 hours',
  '1d': 'day',
  '3d': '3 days',
};

function paceText(
  { rate_long: rate, lasts_s: lastsS }: SideStatus['burn'][number],
  windowDays: number,
): string {
  if (rate === 0) return 'nothing spent';
  const times = timesText(rate);
  if (lastsS === null) return times;
  if (lastsS === 0) return `${times}: used up`;
  return lastsS >= windowDays * 86_400
    ? `${times}: lasts the window`
    : `${times}: lasts ${durationText(lastsS * 1000)}`;
}

/** How fast each side spends, in the four pairs of windows that alerts are made of. */
export function BurnRates({ status }: { status: Status }): ReactNode {
  const { sides, window_days: days } = status;
  const rows = sides.sender.burn.map((sender, at) => ({ sender, receiver: sides.receiver.burn[at]! }));
  return (
    <Card title="How fast it is spent: 1× uses the whole budget in the whole window">
      <Table
        caption="Burn rates by window and side"
        rows={rows}
        keyOf={({ sender }) => sender.rule}
        columns={[
          {
            key: 'window',
            head: 'Over the last',
            phone: 'first',
            cell: ({ sender }) => (
              <>
                {windows[sender.long] ?? sender.long}
                <span className="label"> and {windows[sender.short] ?? sender.short}</span>
              </>
            ),
          },
          {
            key: 'rule',
            head: 'Alerts above',
            phone: 'end',
            cell: ({ sender }) => `${sender.factor}× (${sender.severity})`,
          },
          ...sideNames.map((side) => ({
            key: side,
            head: visible(sideTitle(side, sides[side].team)),
            isNumber: true,
            cell: (row: (typeof rows)[number]) => (
              <>
                <span className="phone-only soft">{visible(sideTitle(side, sides[side].team))}: </span>
                {paceText(row[side], days)}{' '}
                {row[side].firing ? (
                  <Chip tone={row[side].severity === 'page' ? 'bad' : 'wait'} glyph="▲">
                    fires
                  </Chip>
                ) : null}
              </>
            ),
          })),
        ]}
      />
    </Card>
  );
}
