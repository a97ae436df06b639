import { count, interval as range, percent, time } from '../audit/report/figures.ts';
import { formatValue } from '../domain/money.ts';
import { bar, linear, plot, plotArea, round, ticks } from '../report/chart.ts';
import { html, type Html } from '../report/html.ts';
import { reportPage } from '../report/page.ts';
import type { ImpactResult } from './compare.ts';
import { impactRows, recoveredWords } from './words.ts';

const style = `
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem } .card b { display: block; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
code { unicode-bidi: isolate; overflow-wrap: anywhere } td { vertical-align: top } .checks { list-style: none; padding: 0 }
`;

/** Both rates with their intervals, side by side. */
function ratesPlot({ before, after }: ImpactResult): Html {
  const area = plotArea(260);
  const most = Math.max(before.drop_interval[1], after.drop_interval[1], 1e-6) * 1.1;
  const y = linear([0, most], [area.bottom, area.top]);
  const columns = [before, after].map((side, index) => {
    const x = area.left + 120 + index * 300;
    const [lo, hi] = side.drop_interval;
    return html`${bar({ x, width: 120, y: y(side.drop_rate), base: area.bottom }, index === 0 ? 'bad' : 'good', `${percent(side.drop_rate)}`)}
      <line
        x1="${x + 60}"
        x2="${x + 60}"
        y1="${round(y(hi))}"
        y2="${round(y(lo))}"
        stroke="var(--ink)"
        stroke-width="2"
      /><line
        x1="${x + 48}"
        x2="${x + 72}"
        y1="${round(y(hi))}"
        y2="${round(y(hi))}"
        stroke="var(--ink)"
        stroke-width="2"
      /><line
        x1="${x + 48}"
        x2="${x + 72}"
        y1="${round(y(lo))}"
        y2="${round(y(lo))}"
        stroke="var(--ink)"
        stroke-width="2"
      />
      <text x="${x + 132}" y="${round(Math.min(y(hi) + 12, area.bottom - 22))}"
        >${percent(side.drop_rate)}</text
      ><text class="soft" x="${x + 132}" y="${round(Math.min(y(hi) + 12, area.bottom - 22) + 17)}"
        >${range(side.drop_interval)}</text
      >`;
  });
  return plot(
    area,
    `Drop rate before ${percent(before.drop_rate)}, after ${percent(after.drop_rate)}`,
    {
      values: ticks(most, 4).map((value) => ({ y: y(value), words: percent(value) })),
      below: [before, after].map((side, index) => ({
        x: area.left + 180 + index * 300,
        words: `${index === 0 ? 'before' : 'after'}: ${count(side.events)} events`,
      })),
      title: 'lost in silence, share of events, with intervals at 95 %',
    },
    columns,
  );
}

/** The impact as one file with nothing to load. */
export function impactPage(result: ImpactResult, command: string): string {
  const {
    before,
    after,
    difference,
    verdict,
    if_unchanged: unchanged,
    exposure,
    recovered_per_week: recovered,
  } = result;
  const title =
    after.silently_dropped + after.acknowledged_unprocessed === 0
      ? `From ${percent(before.drop_rate)} lost in silence to none in ${count(after.events)}`
      : `From ${percent(before.drop_rate)} lost in silence to ${percent(after.drop_rate)}`;
  const rows = [
    ['time (UTC)', ...[before, after].map(({ from, until }) => `${time(from)} to ${time(until)}`)],
    ['source', before.label, after.label],
    ...impactRows(result),
  ];
  const body = html`<h1>${title}</h1>
    <p class="soft">${result.statement}</p>
    <div class="cards">
      <div class="card">
        <b class="${verdict === 'better' ? 'good' : verdict === 'worse' ? 'bad' : ''}"
          >${percent(difference.rate)}</b
        >fewer lost (95 %, Newcombe: ${range(difference.interval)})
      </div>
      ${recovered.length === 0 ? html`<div class="card"><b>no amounts</b>neither side says what its events are worth</div>` : html`<div class="card"><b class="good">${recovered.map(({ currency, amount_minor: minor }) => formatValue({ amountMinor: BigInt(minor), currency })).join(', ')}</b>a week no longer at risk (95 %: ${recovered.map(recoveredWords).join('; ')})</div>`}
      <div class="card">
        <b>${percent(after.drop_interval[1])}</b>is the most that the rate after the change can be, at 95 %
      </div>
      <div class="card">
        <b class="${exposure.equal ? 'good' : 'bad'}">${exposure.equal ? 'equal' : 'not equal'}</b>exposure
        before and after
      </div>
    </div>
    <figure><div class="scroll">${ratesPlot(result)}</div></figure>
    <p>
      ${unchanged.expected_drops < 0.5 ? 'The rate from before would hardly have shown in as many events.' : `At the rate from before, ${count(Math.round(unchanged.expected_drops))} of the events after the change would have been lost; as few as were is a chance of ${unchanged.chance_of_so_few < 1e-12 ? 'less than one in a million million' : unchanged.chance_of_so_few.toPrecision(2)}.`}
    </p>
    <h2>Side by side</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th></th>
            <th>before</th>
            <th>after</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (cells) =>
              html`<tr>
                ${cells.map((cell) => html`<td>${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <h2>Was it the change?</h2>
    <p>The rates can be compared only where both times saw the same traffic.</p>
    <ul>
      ${exposure.checks.map(({ fine, words }) => html`<li class="${fine === false ? 'bad' : ''}">${fine === null ? '? ' : fine ? '✓ ' : '✗ '}${words}</li>`)}
    </ul>
    ${[...before.notes.map((note) => `before: ${note}`), ...after.notes.map((note) => `after: ${note}`)].map((note) => html`<p class="soft">${note}</p>`)}
    <p class="soft">The same again: <code>${command}</code></p>`;
  return reportPage(`Posthorn impact: ${title}`, body.html, style);
}
