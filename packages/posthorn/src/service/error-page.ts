import { errorKinds } from '../contract/errors.ts';
import type { ErrorCode } from '../domain/errors.ts';

/** Text of the contract as HTML; text between backticks is code. */
function html(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]*)`/g, '<code>$1</code>');
}

/** Returns the page that a problem's `type` names. */
export function errorPage(code: ErrorCode): string {
  const { status, title, meaning, remedy } = errorKinds[code];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${code}: ${html(title)}</title>
<style>:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>${html(title)}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
<h2>What it means</h2>
<p>${html(meaning)}</p>
<h2>What to do</h2>
<p>${html(remedy)}</p>
</html>
`;
}
