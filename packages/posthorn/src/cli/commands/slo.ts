import { Command } from 'commander';
import { parseAllDocuments, stringify } from 'yaml';
import { sloDocument } from '../../contract/slos.ts';
import { toOpenSlo } from '../../reliability/openslo/export.ts';
import { fromOpenSlo } from '../../reliability/openslo/import.ts';
import { CommandError, note, printExact, printJson } from '../output.ts';
import { readSlos } from '../slo-file.ts';
import { readText } from '../yaml-file.ts';
import { sloListCommand, sloStatusCommand } from './slo-status.ts';

const yaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

function importSlos(path: string, options: { producer?: string; consumer?: string; json?: boolean }): void {
  const documents = [...parseAllDocuments(readText(path))];
  const errors = documents.flatMap((document) => document.errors);
  if (errors.length > 0)
    throw new CommandError(errors.map(({ message }) => `${path}: ${message}`).join('\n'), 2);
  const { slos, notes, faults } = fromOpenSlo(
    documents.map((document) => document.toJS() as unknown).filter((document) => document !== null),
    (candidate) => sloDocument.safeParse(candidate),
    options,
  );
  if (faults.length > 0) throw new CommandError(faults.map((fault) => `${path}: ${fault}`).join('\n'));
  if (slos.length === 0) throw new CommandError(`${path}: no document of kind SLO`);
  const byName = Object.fromEntries(slos.map(({ name, ...slo }) => [name, slo]));
  if (options.json === true) {
    printJson({ slos: byName, notes });
    return;
  }
  for (const words of notes) note(words);
  printExact(yaml({ slos: byName }).trimEnd());
}

function exportSlos(options: { file: string; json?: boolean }): void {
  const slos = readSlos(options.file);
  if (slos.length === 0) throw new CommandError(`${options.file}: no objectives under slos`);
  const documents = toOpenSlo(slos);
  printExact(
    options.json === true
      ? JSON.stringify(documents)
      : documents
          .map((document) => yaml(document))
          .join('---\n')
          .trimEnd(),
  );
}

export function sloCommand(): Command {
  return new Command('slo')
    .addHelpText('after', '\nExample:\n  posthorn slo status payments    (--json: as JSON)')
    .addCommand(sloListCommand())
    .addCommand(sloStatusCommand())
    .addCommand(
      new Command('import')
        .description('Print the slos: of a posthorn.yaml that correspond to OpenSLO v1 documents')
        .argument('<openslo.yaml>', 'the documents; - reads standard input')
        .option('--producer <team>', 'producer, for documents that name none (default: their service)')
        .option('--consumer <team>', 'consumer, for documents that name none')
        .option('--json', 'print JSON, including what is not kept')
        .addHelpText(
          'after',
          '\nExample:\n  posthorn slo import openslo.yaml --consumer orders >> posthorn.yaml',
        )
        .action(importSlos),
    )
    .addCommand(
      new Command('export')
        .description('Print the objectives of a file as OpenSLO v1 documents')
        .requiredOption('-f, --file <posthorn.yaml>', 'file that declares the objectives', 'posthorn.yaml')
        .option('--json', 'print JSON')
        .addHelpText('after', '\nExample:\n  posthorn slo export -f posthorn.yaml > openslo.yaml')
        .action(exportSlos),
    );
}
