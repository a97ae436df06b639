import { interval as range, percent, time } from '../report/figures.ts';
import { formatValue } from '../domain/money.ts';
import { bar, forScreens, linear, plot, plotArea, type PlotWidth, round } from '../report/chart.ts';
import { html, type Html } from '../report/html.ts';
import { reportPage } from '../report/page.ts';
import { roundTicks } from '../report/ticks.ts';
import type { ImpactResult } from './compare.ts';
import { impactRows, notesOf, recoveredLine, recoveredWords, unchangedWords } from './words.ts';
import { count } from '../report/count.ts';

const style = `
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem } .card b { display: block; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere } .card b.several { font-size: 1.15rem }
code { unicode-bidi: isolate; overflow-wrap: anywhere } td { vertical-align: top } .checks { list-style: none; padding: 0 }
`;

/** Both rates with their intervals, side by side. */
function ratesPlot({ before, after, verdict }: ImpactResult, width: PlotWidth): Html {
  const area = plotArea(300, width);
  // Two lines of text are above each bar.
  const top = area.top + 40;
  const most = Math.max(before.drop_interval[1], after.drop_interval[1], 1e-6);
  const y = linear([0, most], [area.bottom, top]);
  const half = (area.right - area.left) / 2;
  const columns = [before, after].map((side, index) => {
    const middle = area.left + half * (index + 0.5);
    const [lo, hi] = side.drop_interval;
    const across = (rate: number): Html =>
      html`<line
        x1="${round(middle - 10)}"
        x2="${round(middle + 10)}"
        y1="${round(y(rate))}"
        y2="${round(y(rate))}"
        stroke="var(--ink)"
        stroke-width="2"
      />`;
    return html`${bar({ x: middle - half / 4, width: half / 2, y: y(side.drop_rate), base: area.bottom }, index === 0 || verdict === 'worse' ? 'bad' : 'good', percent(side.drop_rate))}
      <line
        x1="${round(middle)}"
        x2="${round(middle)}"
        y1="${round(y(hi))}"
        y2="${round(y(lo))}"
        stroke="var(--ink)"
        stroke-width="2"
      />${across(hi)}${across(lo)}
      <text x="${round(middle)}" y="${round(y(hi) - 24)}" text-anchor="middle"
        >${percent(side.drop_rate)}</text
      ><text class="soft" x="${round(middle)}" y="${round(y(hi) - 8)}" text-anchor="middle"
        >${range(side.drop_interval)}</text
      >`;
  });
  return plot(
    area,
    `Drop rate before ${percent(before.drop_rate)}, after ${percent(after.drop_rate)}`,
    {
      values: roundTicks(most, 4).map((value) => ({ y: y(value), label: percent(value) })),
      below: [before, after].map((side, index) => ({
        x: area.left + half * (index + 0.5),
        label: `${index === 0 ? 'before' : 'after'}${width === 760 ? `: ${count(side.events)} events` : ''}`,
      })),
      title:
        width === 760
          ? 'silently lost, share of events, with intervals at 95%'
          : 'silently lost, share of events',
    },
    columns,
  );
}

/** Money has a line for each currency. */
function recoveredCard({ recovered_per_week: recovered, before, after }: ImpactResult): Html {
  if (recovered.length === 0)
    return before.silently_dropped + after.silently_dropped === 0
      ? html`<div class="card"><b>nothing</b>of the payments is without its event, before or after</div>`
      : html`<div class="card"><b>no amounts</b>neither side says what its lost events are worth</div>`;
  const several = recovered.length > 1;
  // A color says more than the figure does, so it is only used beyond chance.
  const colour = ({ interval: [lo, hi] }: (typeof recovered)[number]): string =>
    lo > 0 ? 'good' : hi < 0 ? 'bad' : '';
  return html`<div class="card">
    ${recovered.map((week) => html`<b class="${colour(week)} ${several ? 'several' : ''}">${formatValue({ amountMinor: BigInt(week.amount_minor), currency: week.currency })}</b>`)}a
    week no longer at risk
    ${several ? '(with intervals below)' : `(95%: ${recovered.map(recoveredWords).join()})`}
  </div>`;
}

/** The impact report as one self-contained file. */
export function impactPage(result: ImpactResult, command: string): string {
  const { before, after, difference, verdict, exposure } = result;
  const title =
    after.silently_dropped + after.acknowledged_unprocessed === 0
      ? `From ${percent(before.drop_rate)} silently lost to none in ${count(after.events)}`
      : `From ${percent(before.drop_rate)} silently lost to ${percent(after.drop_rate)}`;
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
          >${percent(Math.abs(difference.rate))}</b
        >of the events
        ${verdict === 'no_difference_shown' ? 'is the difference, and it may be chance' : verdict === 'better' ? 'are no longer lost' : 'are lost beyond what was lost before'}
        (95%, Newcombe:
        ${range(verdict === 'worse' ? [-difference.interval[1], -difference.interval[0]] : difference.interval)})
      </div>
      ${recoveredCard(result)}
      <div class="card">
        <b>${percent(after.drop_interval[1])}</b>is the most that the rate after the change can be, at 95%
      </div>
      <div class="card">
        <b class="${exposure.equal === null ? '' : exposure.equal ? 'good' : 'bad'}"
          >${exposure.equal === null ? 'unknown' : exposure.equal ? 'equal' : 'not equal'}</b
        >exposure before and after
      </div>
    </div>
    <figure>${forScreens((width) => ratesPlot(result, width))}</figure>
    <p>${unchangedWords(result)}</p>
    ${
      result.recovered_per_week.length > 1
        ? html`<ul>
            ${result.recovered_per_week.map((week) => html`<li>${recoveredLine(week)}</li>`)}
          </ul>`
        : null
    }
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
    <ul class="checks">
      ${exposure.checks.map(({ fine, words }) => html`<li class="${fine === false ? 'bad' : ''}">${fine === null ? '? ' : fine ? '✓ ' : '✗ '}${words}</li>`)}
    </ul>
    ${notesOf(result).map((note) => html`<p class="soft">${note}</p>`)}
    <p class="soft">The same again: <code>${command}</code></p>`;
  return reportPage(`Posthorn impact: ${title}`, body.html, style);
}
