import { html, type Html } from './html.ts';

// Small plots as SVG text. A chart library needs a DOM, or ships a script into a page that must be self-contained.

export type Scale = (value: number) => number;

/** Maps [from, to] to [start, end] linearly; to the middle if the domain is a point. */
export function linear(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  return from === to
    ? () => (start + end) / 2
    : (value) => start + ((value - from) / (to - from)) * (end - start);
}

export interface PlotArea {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** How wide a plot is drawn: full text width, or narrow for a phone, where a wide plot would be too small to read. */
export type PlotWidth = 760 | 360;

/** Height of a row of text. */
const rowPx = 16;

/** Leaves room for labels on the left and below, and for `rows` of text above. */
export const plotArea = (height: number, width: PlotWidth = 760, rows = 0): PlotArea => ({
  width,
  height: height + rows * rowPx,
  left: width === 760 ? 64 : 58,
  right: width - 12,
  top: 28 + rows * rowPx,
  bottom: height + rows * rowPx - 34,
});

/** Draws a plot for wide and for narrow screens: the page shows the one that fits. */
export const forScreens = (draw: (width: PlotWidth) => Html): Html =>
  html`<div class="wide">${draw(760)}</div>
    <div class="narrow">${draw(360)}</div>`;

/** The frame of a plot, with lines across at `values` and labels below. `label` describes the plot to screen readers. */
export function plot(
  area: PlotArea,
  label: string,
  axes: {
    readonly values: readonly { readonly y: number; readonly label: string }[];
    readonly below: readonly { readonly x: number; readonly label: string }[];
    readonly title: string;
  },
  marks: readonly Html[],
): Html {
  const { width, height, left, right, bottom } = area;
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
    <text class="soft" x="0" y="13">${axes.title}</text>
    ${axes.values.map(({ y, label }) => html`<line x1="${left}" x2="${right}" y1="${round(y)}" y2="${round(y)}" stroke="var(--line)" /><text class="soft" x="${left - 8}" y="${round(y + 4)}" text-anchor="end">${label}</text>`)}
    ${marks}
    ${axes.below.map(({ x, label }) => html`<text class="soft" x="${round(x)}" y="${bottom + 20}" text-anchor="${x < left + 40 ? 'start' : x > right - 40 ? 'end' : 'middle'}">${label}</text>`)}
  </svg>`;
}

/** Below a plot's title. */
const firstRowPx = 32;

/** A vertical line with a label at its top, in a row above the plot, on the side that has room. */
export function flag(
  area: PlotArea,
  x: number,
  label: string,
  colour: 'bad' | 'soft' | 'wait',
  row = 0,
): Html {
  const roomRight = x < (area.left + area.right) / 2;
  return html`<line
      x1="${round(x)}"
      x2="${round(x)}"
      y1="${firstRowPx + row * rowPx - 10}"
      y2="${area.bottom}"
      stroke="var(--${colour})"
      stroke-width="2"
      stroke-dasharray="5 3"
    /><text
      x="${round(x + (roomRight ? 6 : -6))}"
      y="${firstRowPx + row * rowPx}"
      text-anchor="${roomRight ? 'start' : 'end'}"
      style="fill:var(--${colour})"
      >${label}</text
    >`;
}

/** A bar from `base` upward, with a title that shows its figures. */
export function bar(
  box: { readonly x: number; readonly width: number; readonly y: number; readonly base: number },
  colour: string,
  title: string,
): Html {
  const { x, width, y, base } = box;
  return html`<rect
    x="${round(x)}"
    y="${round(y)}"
    width="${round(Math.max(0.5, width))}"
    height="${round(Math.max(0, base - y))}"
    fill="var(--${colour})"
    ><title>${title}</title></rect
  >`;
}

/** Coordinates need only a tenth of a pixel. */
export const round = (value: number): number => Math.round(value * 10) / 10;
