import {
  linear,
  plot,
  type PlotArea,
  plotArea,
  type PlotWidth,
  round,
  type Scale,
  html,
  type Html,
  seconds,
  time,
} from 'posthorn/report';
import type { Example, ExampleAttempt } from '../result.ts';

/** The number of attempts that a timeline shows. */
const maxShown = 12;
const rowHeight = 34;

/** One request from its start to its real end, and when the sender gave it up before that. Times in ms since the epoch. */
interface Request {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly gaveUpAt: number | null;
  readonly label: string;
  readonly good: boolean;
}

const ended = ({ ended_at: end, started_at: start }: ExampleAttempt): number => Date.parse(end ?? start!);

function requestLabel({ status_code: status, error, ended_at: end }: ExampleAttempt): string {
  if (status !== null) return String(status);
  return (error ?? (end === null ? 'never ended' : 'no answer')).slice(0, 40);
}

/** Joins the lines of each request: one that was given up and ended later has two lines in a log. */
function toRequests(example: Example): Request[] {
  const lines = example.attempts.filter(({ started_at: start }) => start !== null);
  const groups = Map.groupBy(
    lines,
    ({ attempt, started_at: start, worker }) => `${attempt} ${start} ${worker}`,
  );
  return [...groups.values()].slice(0, maxShown).map((own, index) => {
    const [first, ...later] = own.toSorted((a, b) => ended(a) - ended(b));
    const last = later.at(-1) ?? first!;
    const { status_code: status, attempt, worker } = last;
    return {
      name: `${attempt === null ? `request ${index + 1}` : `attempt ${attempt}`}${worker === null ? '' : `, ${worker.slice(0, 12)}`}`,
      from: Date.parse(last.started_at!),
      to: ended(last),
      gaveUpAt: ended(first!) < ended(last) ? ended(first!) : null,
      label: requestLabel(last),
      good: status !== null && status >= 200 && status < 300,
    };
  });
}

function bar(
  request: Request,
  others: readonly Request[],
  y: number,
  begin: number,
  { width, right }: PlotArea,
  x: Scale,
): Html {
  const { name, from, to, gaveUpAt, label, good } = request;
  const overlaps = others.some((other) => other !== request && other.from < to && other.to > from);
  const end = x(to);
  const inside = end > right - (width === 760 ? 170 : 130);
  const colour = good ? 'good' : overlaps ? 'bad' : 'bar';
  const what = `${seconds(from - begin)} to ${seconds(to - begin)}${overlaps ? ', overlaps with another attempt' : ''}`;
  const patient = gaveUpAt ?? to;
  return html`<text x="0" y="${y + 15}">${width === 760 ? name : name.split(', ')[0]!}</text>
    <rect
      x="${round(x(from))}"
      y="${y}"
      width="${round(Math.max(3, x(patient) - x(from)))}"
      height="20"
      rx="3"
      fill="var(--${colour})"
      ><title>${what}</title></rect
    >
    ${gaveUpAt === null ? null : html`<rect x="${round(x(gaveUpAt))}" y="${y}" width="${round(end - x(gaveUpAt))}" height="20" rx="3" fill="var(--${colour})" opacity=".4"><title>${what}</title></rect><line x1="${round(x(gaveUpAt))}" x2="${round(x(gaveUpAt))}" y1="${y - 4}" y2="${y + 24}" stroke="var(--wait)" stroke-width="2"><title>given up after ${seconds(gaveUpAt - from)}; the request continues</title></line>`}
    <text
      class="soft"
      x="${round(inside ? end - 6 : end + 6)}"
      y="${y + 15}"
      text-anchor="${inside ? 'end' : 'start'}"
      >${label}${to > from ? ` after ${seconds(to - from)}` : ''}</text
    >`;
}

/** Plots one lost event: its attempts as bars on one time axis, and the retry that was owed and never made. */
export function examplePlot(example: Example, width: PlotWidth): Html {
  const wide = width === 760;
  const requests = toRequests(example);
  if (requests.length === 0) return html`<p class="soft">The log does not contain a line about it.</p>`;
  const begin = Math.min(...requests.map(({ from }) => from));
  const lastStart = Math.max(...requests.map(({ from }) => from));
  // The retry that was never made: one owed after every request that started.
  const owed = example.attempts
    .flatMap(({ next_retry_at: next }) => (next === null ? [] : [Date.parse(next)]))
    .filter((next) => next > lastStart + 1000)
    .toSorted((a, b) => b - a)[0];
  const end = Math.max(...requests.map(({ to }) => to), owed ?? 0, begin + 1);
  const area = plotArea(requests.length * rowHeight + (owed === undefined ? 66 : 100), width);
  const x = linear([begin, begin + (end - begin) * 1.12], [wide ? 150 : 100, area.right - (wide ? 40 : 20)]);
  const top = area.top + 8;
  const bars = requests.map((request, index) =>
    bar(request, requests, top + index * rowHeight, begin, area, x),
  );
  const y = top + requests.length * rowHeight;
  const left = owed !== undefined && x(owed) > area.right - 190;
  const never =
    owed === undefined
      ? []
      : [
          html`<text x="0" y="${y + 15}">${wide ? 'the retry owed' : 'retry owed'}</text
            ><circle
              cx="${round(x(owed))}"
              cy="${y + 10}"
              r="8"
              fill="none"
              stroke="var(--bad)"
              stroke-width="2"
            /><path
              d="M${round(x(owed) - 5)} ${y + 5} l10 10 m0 -10 l-10 10"
              stroke="var(--bad)"
              stroke-width="2"
            /><text
              x="${round(x(owed) + (left ? -14 : 14))}"
              y="${y + 15}"
              text-anchor="${left ? 'end' : 'start'}"
              style="fill:var(--bad)"
              >due ${wide ? 'at ' : ''}${seconds(owed - begin)}, never made</text
            >`,
        ];
  return plot(
    area,
    `Attempts of event ${example.event_id}`,
    {
      values: [],
      below: [0, 0.5, 1].map((share) => ({
        x: x(begin + share * (end - begin)),
        label: share === 0 ? '0' : seconds(share * (end - begin)),
      })),
      title: `begins ${time(begin)} UTC${requests.some(({ gaveUpAt }) => gaveUpAt !== null) ? (wide ? '; pale: given up by the sender, but still in flight' : '; pale: given up') : ''}`,
    },
    [...bars, ...never],
  );
}
