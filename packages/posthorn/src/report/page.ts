import { tokenStyle } from './tokens.ts';
import { printableLines } from '../domain/printable.ts';

/** Escapes text for HTML and its attributes. */
export const escapeHtml = (text: string): string =>
  printableLines(text).replaceAll(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!,
  );

const style = `
${tokenStyle}
:root { --page: var(--bad); --ticket: var(--wait) }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem }
.soft, figcaption { color: var(--soft) } .bad { color: var(--bad) } .good { color: var(--good) } .scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line) } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1.2rem 0 } svg { width: 100%; min-width: 42rem; height: auto; display: block } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round } svg text.soft { fill: var(--soft) }
td.n { white-space: nowrap } a { color: var(--link) } code { font-size: .9em }
.narrow { display: none } @media (max-width: 46rem) { .wide { display: none } .narrow { display: block } .narrow svg { min-width: 0; max-width: 30rem }
.stack thead { display: none } .stack tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0 } .stack td { display: block; border: 0; padding: .1rem 0 } .stack td.n { text-align: left } .stack td.n::after { content: ' events' } }
`;

/** A report as one self-contained file, for light and dark. `body` is HTML; `extra` is additional CSS. */
export function reportPage(title: string, body: string, extra = ''): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${style}${extra}</style></head><body>
${body}
</body></html>
`;
}
