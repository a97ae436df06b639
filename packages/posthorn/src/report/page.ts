import { printableLines } from './printable.ts';

/** Text as it may stand in HTML and in its attributes. */
export const escapeHtml = (text: string): string =>
  printableLines(text).replaceAll(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!,
  );

// `bad`, `good` and `wait` are for what is told; `page` and `ticket` are the two of them that alerts have.
const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #5c6670; --line: #d8dee4; --bad: #c4314b; --good: #1a7f4b; --wait: #b7791f; --bar: #5b7fb5; --page: var(--bad); --ticket: var(--wait) }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #14181d; --soft: #9aa5b1; --line: #333c46; --bad: #f0788c; --good: #58c08a; --wait: #e0b050; --bar: #84a7dc } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem }
.soft, figcaption { color: var(--soft) } .bad { color: var(--bad) } .good { color: var(--good) } .scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line) } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1.2rem 0 } svg { width: 100%; min-width: 42rem; height: auto; display: block } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round } svg text.soft { fill: var(--soft) }
td.n { white-space: nowrap } a { color: var(--bar) } code { font-size: .9em }
.narrow { display: none } @media (max-width: 46rem) { .wide { display: none } .narrow { display: block } .narrow svg { min-width: 0; max-width: 30rem }
.stack thead { display: none } .stack tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0 } .stack td { display: block; border: 0; padding: .1rem 0 } .stack td.n { text-align: left } .stack td.n::after { content: ' events' } }
`;

/** A report as one file with nothing to load, for light and dark. `body` is HTML; `extra` is style of its own. */
export function reportPage(title: string, body: string, extra = ''): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${style}${extra}</style></head><body>
${body}
</body></html>
`;
}
