import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { StoreOpenError } from '../../domain/errors.ts';
import { CommandError, note, print, printJson } from '../output.ts';
import { printVerification, verificationAnswer, verifyCopy } from './verify.ts';

interface Options {
  readonly dataDir?: string;
  readonly json?: boolean;
}

export function backupCommand(): Command {
  return new Command('backup')
    .argument('<directory>', 'a new directory for the copy')
    .option('--data-dir <path>', 'the data directory to copy (POSTHORN_DATA_DIR, default ./posthorn-data)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  posthorn backup /backups/$(date +%F) --data-dir /var/lib/posthorn')
    .action(async (directory: string, options: Options) => {
      const dataDir = options.dataDir ?? process.env['POSTHORN_DATA_DIR'] ?? './posthorn-data';
      const { backupSqlite } = await import('../../store/sqlite/backup.ts');
      try {
        await backupSqlite(dataDir, directory);
      } catch (error) {
        throw error instanceof StoreOpenError ? new CommandError(error.message, 2) : error;
      }
      const bytes = statSync(join(directory, 'posthorn.db')).size;
      note(`Copied ${bytes.toLocaleString('en-US')} bytes to ${directory}; verifying the copy.`);
      const found = await verifyCopy(directory, dataDir);
      if (options.json === true) printJson({ directory, bytes, ...verificationAnswer(found) });
      else {
        printVerification(found);
        print(
          `Back up the secret key of ${dataDir} as well, in another place: without it the secrets in this copy cannot be read.`,
        );
      }
      if (!found.balanced || found.audit.findings.length > 0) process.exitCode = 1;
    });
}
