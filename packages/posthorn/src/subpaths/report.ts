export { escapeHtml, reportPage } from '../report/page.ts';
export { roundTicks } from '../report/ticks.ts';
export { printable } from '../report/printable.ts';
export { withShownPaths } from '../report/shown-url.ts';
