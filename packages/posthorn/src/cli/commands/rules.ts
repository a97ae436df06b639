import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { publicUrlFrom, publicUrlRule } from '../../config/public-url.ts';
import { exportedFiles, ruleFile } from '../../reliability/prometheus/export.ts';
import { unreachable } from '../../reliability/prometheus/slo-rules.ts';
import { CommandError, note, print, printExact, printJson } from '../output.ts';
import { readSlos } from '../slo-file.ts';

const usualFile = 'posthorn.yaml';

function publicUrlGiven(given: string | undefined): string | null {
  const text = given ?? process.env['POSTHORN_PUBLIC_URL'];
  if (text === undefined) return null;
  const origin = publicUrlFrom(text);
  if (origin === null)
    throw new CommandError(
      `${given === undefined ? 'POSTHORN_PUBLIC_URL' : '--public-url'} ${publicUrlRule}`,
      2,
    );
  return origin;
}

function exportRules(options: { file?: string; out?: string; publicUrl?: string; json?: boolean }): void {
  const publicUrl = publicUrlGiven(options.publicUrl);
  const file = options.file ?? (existsSync(usualFile) ? usualFile : null);
  const slos = file === null ? [] : readSlos(file);
  if (slos.length === 0)
    note(
      `${file ?? `no ${usualFile}`}: no objectives, so only the rules for every Posthorn (declare objectives under slos:)`,
    );
  for (const slo of slos) {
    const never = unreachable(slo);
    if (never.length > 0)
      note(
        `${slo.name}: at a target of ${slo.target} ${never.join(' and ')} could never fire and ${never.length === 1 ? 'is' : 'are'} left out`,
      );
  }
  const files = exportedFiles(slos, publicUrl);
  const { groups } = ruleFile(slos, publicUrl);
  const alerts = groups.flatMap(({ rules }) => rules).filter((rule) => 'alert' in rule).length;
  const recordings = groups.flatMap(({ rules }) => rules).length - alerts;
  if (options.out === undefined) {
    printExact(
      options.json === true
        ? JSON.stringify({
            slos: slos.map(({ name }) => name),
            alerts,
            recordings,
            files: Object.fromEntries(files.map(({ name, text }) => [name, text])),
          })
        : files[0].text.trimEnd(),
    );
    return;
  }
  // Prometheus and Grafana read them as other users, and they contain nothing secret.
  process.umask(0o022);
  const written = files.map(({ name, text }) => {
    const path = join(options.out!, name);
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    } catch (error) {
      throw new CommandError(`cannot write ${path}: ${(error as Error).message}`);
    }
    return path;
  });
  if (options.json === true)
    return printJson({ slos: slos.map(({ name }) => name), alerts, recordings, written });
  print(
    `${written.join('\n')}\n${slos.length} objectives: ${recordings} recording rules, ${alerts} alerts. Next: promtool check rules ${written[0]}`,
  );
}

export function rulesCommand(): Command {
  return new Command('rules')
    .addHelpText('after', '\nExample:\n  posthorn rules export -f posthorn.yaml --out monitoring --json')
    .addCommand(
      new Command('export')
        .description('Write recording rules, alerts and Grafana dashboards for the objectives of a file')
        .option(
          '-f, --file <posthorn.yaml>',
          `where the objectives are declared (default: ${usualFile} if it exists; - reads standard input)`,
        )
        .option('--out <directory>', 'directory to write the files to (default: print the rules)')
        .option(
          '--public-url <url>',
          'where browsers reach Posthorn: every alert links to its runbook there (POSTHORN_PUBLIC_URL)',
        )
        .option('--json', 'print JSON')
        .addHelpText(
          'after',
          '\nExample:\n  posthorn rules export -f posthorn.yaml --out monitoring --public-url https://posthorn.example.com',
        )
        .action(exportRules),
    );
}
