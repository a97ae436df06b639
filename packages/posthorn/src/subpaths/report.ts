export {
  bar,
  flag,
  forScreens,
  linear,
  plot,
  type PlotArea,
  plotArea,
  type PlotWidth,
  round,
  type Scale,
} from '../report/chart.ts';
export { count } from '../report/count.ts';
export { day, interval, money, moneys, percent, pValue, seconds, time } from '../report/figures.ts';
export { html, type Html } from '../report/html.ts';
export { blank, escapeMarkdown, markdownCode, markdownTable } from '../report/markdown.ts';
export { escapeHtml, reportPage } from '../report/page.ts';
export { printable } from '../domain/printable.ts';
export { withShownPaths } from '../report/shown-url.ts';
export { roundTicks } from '../report/ticks.ts';
