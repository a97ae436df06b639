import { Command, CommanderError } from 'commander';
import { ApiError } from '../client/client.ts';
import { UnavailableError } from '../domain/errors.ts';
import { alertsCommand } from './commands/alerts.ts';
import { applyCommand } from './commands/apply.ts';
import { auditCommand } from './commands/audit.ts';
import { deadLettersCommand } from './commands/dead-letters.ts';
import { deliveriesCommand } from './commands/deliveries.ts';
import { demoCommand } from './commands/demo.ts';
import { impactCommand } from './commands/impact.ts';
import { labCommand } from './commands/lab.ts';
import { migrateCommand } from './commands/migrate.ts';
import { nodesCommand } from './commands/nodes.ts';
import { publishCommand } from './commands/publish.ts';
import { redriveCommand } from './commands/redrive.ts';
import { rulesCommand } from './commands/rules.ts';
import { serveCommand } from './commands/serve.ts';
import { conformanceCommand } from './commands/slo-status.ts';
import { sloCommand } from './commands/slo.ts';
import { verifyCommand } from './commands/verify.ts';
import { CommandError, note } from './output.ts';
import { version } from '../version.ts';

/** Runs one command; sets the exit code: 0 success, 1 a finding or failure, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever reads may have seen enough: `posthorn deliveries | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
  const program = new Command('posthorn')
    .description('Delivers payment webhooks and accounts for every one of them.')
    .version(version)
    .showHelpAfterError('(see --help)');
  const commands = [
    serveCommand,
    demoCommand,
    publishCommand,
    deliveriesCommand,
    deadLettersCommand,
    redriveCommand,
    verifyCommand,
    auditCommand,
    impactCommand,
    labCommand,
    applyCommand,
    sloCommand,
    conformanceCommand,
    alertsCommand,
    rulesCommand,
    nodesCommand,
    migrateCommand,
  ];
  for (const make of commands) program.addCommand(make());
  throwing(program);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (
      error instanceof CommandError ||
      error instanceof ApiError ||
      error instanceof UnavailableError
    ) {
      note(`posthorn: ${error.message}`);
      process.exitCode = error instanceof CommandError ? error.code : 1;
    } else throw error;
  }
}

/** Wrong usage throws, in commands of commands too: Commander itself would leave with 1. */
function throwing(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) throwing(inner);
}
