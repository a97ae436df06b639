import { withShownUrls } from '../report/shown-url.ts';

/** The command that runs, for a report that says how it was made: without keys, and without the secrets in URLs. */
export function commandText(args: readonly string[] = process.argv.slice(2)): string {
  const parts = args.map((arg, index) =>
    args[index - 1] === '--api-key' ? '…' : withShownUrls(arg.replace(/^(--api-key=).*/s, '$1…')),
  );
  return ['posthorn', ...parts.map((part) => (/[\s"'$*?&|;<>()]/.test(part) ? `'${part}'` : part))].join(' ');
}
