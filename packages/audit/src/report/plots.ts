import {
  roundTicks,
  bar,
  flag,
  linear,
  plot,
  type PlotArea,
  plotArea,
  type PlotWidth,
  round,
  type Scale,
  html,
  type Html,
  day,
  money,
  percent,
  seconds,
  time,
  count,
} from 'posthorn/report';
import { exponentOf } from 'posthorn/domain';
import type { AuditResult, DurationBin, SeriesBin } from '../result.ts';

/** The number of bars in a plot; more are merged. */
const maxBars = 56;
const weekMs = 7 * 86_400_000;

/** The number of deploys and incidents that a plot shows. */
const maxMarkers = 12;
/** Up to this number they have their names in the plot; more have numbers. */
const maxNamed = 4;

/** Merges neighboring bins so that at most `most` are left. */
function coarser(bins: readonly SeriesBin[], most: number): SeriesBin[][] {
  const size = Math.max(1, Math.ceil(bins.length / most));
  return Array.from({ length: Math.ceil(bins.length / size) }, (_, n) =>
    bins.slice(n * size, (n + 1) * size),
  );
}

const sum = (bins: readonly SeriesBin[], field: 'accepted' | 'silently_dropped' | 'unresolved'): number =>
  bins.reduce((total, bin) => total + bin[field], 0);

/** Plots the share of silent drops over time, with the onset and the deploys. */
export function dropRatePlot(
  { series, onset, markers, coverage, silent_drop_rate: overall }: AuditResult,
  width: PlotWidth,
): Html {
  const wide = width === 760;
  const groups = coarser(series.bins, wide ? maxBars : maxBars / 2);
  if (groups.length === 0 || coverage.from === null) return html`<p>Nothing to plot.</p>`;
  if (sum(series.bins, 'silently_dropped') === 0)
    return html`<p>No silent drops from ${time(coverage.from)} to ${time(coverage.to ?? coverage.from)}.</p>`;
  const binMs = series.bin_seconds * 1000;
  const from = Date.parse(series.bins[0]!.from);
  const until = Date.parse(series.bins.at(-1)!.from) + binMs;
  const inside = ({ at }: { readonly at: string }): boolean =>
    Date.parse(at) >= from && Date.parse(at) <= until;
  const known = markers.filter(inside).slice(0, maxMarkers);
  const hasOnset = onset !== null && inside(onset);
  // A few labels are above the bars, each in a row of its own; many are numbers, which a list explains.
  const isNumbered = known.length > maxNamed;
  const markerRows = isNumbered ? 1 : known.length;
  const area = plotArea(260, width, markerRows + (hasOnset ? 1 : 0));
  const rates = groups.map((bins) => {
    const decided = sum(bins, 'accepted') - sum(bins, 'unresolved');
    return decided === 0 ? 0 : sum(bins, 'silently_dropped') / decided;
  });
  const most = Math.max(overall, ...rates, 1e-6) * 1.1;
  const x = linear([from, until], [area.left, area.right]);
  const y = linear([0, most], [area.bottom, area.top]);
  const marks = known.map((marker, index) =>
    flag(
      area,
      x(Date.parse(marker.at)),
      isNumbered ? String(index + 1) : marker.label,
      'soft',
      isNumbered ? 0 : index,
    ),
  );
  const step =
    onset === null || !hasOnset
      ? null
      : flag(
          area,
          x(Date.parse(onset.at)),
          `onset ${time(onset.at)}${wide ? `: ${percent(onset.rate_before)} → ${percent(onset.rate_after)}` : ''}`,
          'wait',
          markerRows,
        );
  const span = until - from;
  const days = span > 4 * 86_400_000;
  return plot(
    area,
    `Share of events silently dropped over time; ${percent(overall)} overall`,
    {
      values: roundTicks(most, 4).map((value) => ({ y: y(value), label: percent(value) })),
      below: (wide && days ? [0, 0.25, 0.5, 0.75, 1] : wide || days ? [0, 0.5, 1] : [0, 1]).map((share) => ({
        x: x(from + share * span),
        label: days ? day(from + share * span) : time(from + share * span),
      })),
      title: 'silently dropped, share of events (UTC)',
    },
    [
      ...rateBars({ groups, rates, binMs, base: area.bottom }, x, y),
      overallLine(area, y(overall)),
      ...marks,
      ...(step === null ? [] : [step]),
    ],
  );
}

/** A bar for each group of bins, as high as its rate. */
function rateBars(
  {
    groups,
    rates,
    binMs,
    base,
  }: {
    readonly groups: readonly (readonly SeriesBin[])[];
    readonly rates: readonly number[];
    readonly binMs: number;
    readonly base: number;
  },
  x: Scale,
  y: Scale,
): Html[] {
  return groups.map((bins, index) => {
    const start = Date.parse(bins[0]!.from);
    const room = x(start + bins.length * binMs) - x(start);
    return bar(
      { x: x(start), width: room * 0.86, y: y(rates[index]!), base },
      'bad',
      `${time(bins[0]!.from)}: ${count(sum(bins, 'silently_dropped'))} of ${count(sum(bins, 'accepted'))} silently dropped (${percent(rates[index]!)})`,
    );
  });
}

const overallLine = ({ left, right }: PlotArea, y: number): Html =>
  html`<line
    x1="${left}"
    x2="${right}"
    y1="${round(y)}"
    y2="${round(y)}"
    stroke="var(--ink)"
    stroke-dasharray="2 4"
  />`;

/** Explains the lines and colors of `dropRatePlot`. */
export function dropRateLegend({ series, markers, onset, silent_drop_rate: overall }: AuditResult): Html {
  const [first] = series.bins;
  const last = series.bins.at(-1);
  const shown =
    first === undefined || last === undefined
      ? []
      : markers
          .filter(
            ({ at }) =>
              Date.parse(at) >= Date.parse(first.from) &&
              Date.parse(at) <= Date.parse(last.from) + series.bin_seconds * 1000,
          )
          .slice(0, maxMarkers);
  return html`<p class="soft legend">
      <span><i style="background:var(--bad)"></i>silently dropped</span
      ><span>dotted: overall, ${percent(overall)}</span
      >${shown.length === 0 ? null : html`<span>grey, dashed: deploys and other markers</span>`}${onset === null ? null : html`<span>amber, dashed: where the rate steps</span>`}
    </p>
    ${
      shown.length <= maxNamed
        ? null
        : html`<ol class="soft">
            ${shown.map(({ at, label }) => html`<li>${time(at)}: ${label}</li>`)}
          </ol>`
    }`;
}

const classes = [
  ['2xx', 'good', 'answered 2xx'],
  ['3xx', 'soft', '3xx'],
  ['4xx', 'bar', '4xx'],
  ['5xx', 'wait', '5xx'],
  ['none', 'bad', 'no answer'],
] as const;

/** Plots how long attempts took, with both axes logarithmic: a client's timeout shows as a cliff without answers after it. */
export function durationsPlot(
  durations: readonly DurationBin[],
  timeoutMs: number | null,
  width: PlotWidth,
): Html {
  const filled = durations.filter((bin) => Object.values(bin.classes).some((n) => n > 0));
  if (filled.length === 0) return html`<p>The log does not say how long attempts took.</p>`;
  const area = plotArea(260, width);
  const low = Math.log10(Math.max(1, filled[0]!.from_ms));
  const high = Math.log10(Math.max(10, ...filled.map(({ to_ms: to }) => to), (timeoutMs ?? 0) * 1.3));
  const x = linear([low, high], [area.left, area.right]);
  const at = (ms: number): number => x(Math.log10(Math.max(1, ms)));
  const totals = filled.map((bin) => Object.values(bin.classes).reduce((a, b) => a + b, 0));
  // With space for labels above the bars.
  const top = Math.log10(1 + Math.max(...totals)) * (width === 760 ? 1 : 1.12);
  const y = linear([0, top], [area.bottom, area.top]);
  const bars = filled.flatMap((bin) => {
    // Each class has its share of the bar's height: only the whole bar is on the logarithmic scale.
    const total = Object.values(bin.classes).reduce((a, b) => a + b, 0);
    const height = area.bottom - y(Math.log10(1 + total));
    let base = area.bottom;
    return classes.flatMap(([name, colour, label]) => {
      const n = bin.classes[name];
      if (n === 0) return [];
      const upper = base - (n / total) * height;
      const one = bar(
        {
          x: at(bin.from_ms),
          width: Math.max(1.5, (at(bin.to_ms) - at(bin.from_ms)) * 0.92),
          y: upper,
          base,
        },
        colour,
        `${seconds(bin.from_ms)} to ${seconds(bin.to_ms)}: ${count(n)} ${label}`,
      );
      base = upper;
      return [one];
    });
  });
  const powers = Array.from({ length: 9 }, (_, n) => n).filter(
    (power) => power <= top && (top < 4 || power % 2 === 0),
  );
  const marks =
    timeoutMs === null
      ? []
      : [flag(area, at(timeoutMs), `the client times out after ${seconds(timeoutMs)}`, 'wait')];
  return plot(
    area,
    'How long attempts took, by answer',
    {
      values: powers.map((power) => ({ y: y(Math.log10(1 + 10 ** power)), label: count(10 ** power) })),
      below: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
        .filter((ms) => Math.log10(ms) >= low && Math.log10(ms) <= high)
        .map((ms) => ({ x: at(ms), label: seconds(ms) })),
      title: 'attempts, by how long they took (logarithmic)',
    },
    [...bars, ...marks],
  );
}

/** Explains the colors of `durationsPlot`. */
export const durationsLegend = (): Html =>
  html`<p class="soft legend">
    ${classes.map(([, colour, label]) => html`<span><i style="background:var(--${colour})"></i>${label}</span>`)}
  </p>`;

/** Plots the value at risk by week, in the currency with the most lost events; null if no event has an amount. */
export function moneyPlot({ series, coverage }: AuditResult, width: PlotWidth): Html | null {
  const events = new Map<string, number>();
  for (const { value_at_risk: values } of series.bins)
    for (const { currency, events: n } of values) events.set(currency, (events.get(currency) ?? 0) + n);
  const [currency] = [...events].toSorted((a, b) => b[1] - a[1])[0] ?? [];
  if (currency === undefined) return null;
  const first = Date.parse(series.bins[0]!.from);
  // Bins are whole, and the log ends inside the last one.
  const last = coverage.to === null ? Date.parse(series.bins.at(-1)!.from) : Date.parse(coverage.to);
  const weeks = Array.from(
    { length: Math.min(104, Math.max(1, Math.ceil((last - first - series.bin_seconds * 1000) / weekMs))) },
    () => ({ minor: 0n, events: 0 }),
  );
  for (const { from, value_at_risk: values } of series.bins) {
    const week = weeks[Math.min(weeks.length - 1, Math.floor((Date.parse(from) - first) / weekMs))];
    for (const value of values)
      if (week !== undefined && value.currency === currency) {
        week.minor += BigInt(value.amount_minor);
        week.events += value.events;
      }
  }
  const area = plotArea(220, width);
  const unit = 10 ** exponentOf(currency);
  const most = Math.max(...weeks.map(({ minor }) => Number(minor) / unit)) * 1.1;
  const y = linear([0, most], [area.bottom, area.top]);
  const step = Math.min(160, (area.right - area.left) / weeks.length);
  const whole = Math.abs(weeks.length * weekMs - (last - first)) <= series.bin_seconds * 1000;
  const bars = weeks.map(({ minor, events: n }, index) => {
    const x = area.left + index * step + step * 0.12;
    const amount = money({ amount_minor: String(minor), currency });
    return html`${bar({ x, width: step * 0.76, y: y(Number(minor) / unit), base: area.bottom }, 'bad', `${amount}, ${count(n)} events`)}${weeks.length > (width === 760 ? 6 : 3) ? null : html`<text x="${round(x + step * 0.38)}" y="${round(y(Number(minor) / unit) - 5)}" text-anchor="middle">${amount}</text>`}`;
  });
  return plot(
    area,
    `Value at risk by week in ${currency}`,
    {
      values: roundTicks(most, 3).map((value) => ({ y: y(value), label: count(value) })),
      below: weeks
        .map((_, index) => ({
          x: area.left + index * step + step / 2,
          label: `${day(first + index * weekMs)}${index === weeks.length - 1 && !whole ? ' (part)' : ''}`,
        }))
        .filter((_, index) => index % Math.ceil(weeks.length / (width === 760 ? 7 : 3)) === 0),
      title: `${currency} of payments whose event was lost, by week`,
    },
    bars,
  );
}
