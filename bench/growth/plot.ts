import { linear, plot, plotArea, round } from '../../packages/posthorn/src/report/chart.ts';
import { html, type Html } from '../../packages/posthorn/src/report/html.ts';
import { roundTicks } from '../../packages/posthorn/src/report/ticks.ts';
import { tokenStyle } from '../../packages/posthorn/src/report/tokens.ts';

export interface Line {
  readonly name: string;
  /** In the order of the sizes. */
  readonly ratios: readonly number[];
}

const margin = 12;
const colours = ['bar', 'held'] as const;
const shown = (size: number): string =>
  size >= 1e6 ? `${size / 1e6}M` : size >= 1000 ? `${size / 1000}k` : String(size);

/** A picture of its own: how many times the cost of a unit of work is that at the smallest size. */
export function growthPlot(title: string, sizes: readonly number[], lines: readonly Line[]): string {
  const area = plotArea(240);
  const most = Math.max(1.5, ...lines.flatMap(({ ratios }) => ratios)) * 1.1;
  const y = linear([0, most], [area.bottom, area.top]);
  const x = linear([0, sizes.length - 1], [area.left + 30, area.right - 120]);
  const ends = lines.map(({ ratios }) => y(ratios.at(-1)!));
  const below = Math.min(Math.max(...ends) + 12, area.bottom - 5);
  const above = Math.min(Math.min(...ends) - 4, below - 15);
  const marks = lines.map(({ name, ratios }, index): Html => {
    const colour = colours[index]!;
    const points = ratios.map((ratio, at) => `${round(x(at))},${round(y(ratio))}`).join(' ');
    const last = ratios.at(-1)!;
    return html`<polyline points="${points}" fill="none" stroke="var(--${colour})" stroke-width="2" />
      <text
        x="${round(x(sizes.length - 1) + 8)}"
        y="${round(index === ends.indexOf(Math.min(...ends)) ? above : below)}"
        style="fill:var(--${colour})"
        class="label"
      >
        ${name} ${last.toFixed(2)}
      </text>`;
  });
  const one = html`<line
    x1="${area.left}"
    x2="${area.right}"
    y1="${round(y(1))}"
    y2="${round(y(1))}"
    stroke="var(--edge)"
    stroke-dasharray="5 3"
  />`;
  const axes = {
    title,
    values: roundTicks(most, 5).map((value) => ({ y: y(value), label: String(value) })),
    below: sizes.map((size, at) => ({ x: x(at), label: shown(size) })),
  };
  const style = `${tokenStyle} svg { background: var(--paper) } text { font: 13px system-ui, sans-serif; fill: var(--ink) } .soft { fill: var(--soft) } .label { paint-order: stroke; stroke: var(--paper); stroke-width: 4px }`;
  // Documents frame their pictures: nothing stands at the edge.
  const [width, height] = [area.width + 2 * margin, area.height + 2 * margin];
  return plot(area, title, axes, [one, ...marks])
    .html.replace('<svg ', `<svg xmlns="http://www.w3.org/2000/svg" `)
    .replace(/viewBox="[^"]*"/, `viewBox="${-margin} ${-margin} ${width} ${height}"`)
    .replace('>', `><style>${style}</style>`)
    .concat('\n');
}
