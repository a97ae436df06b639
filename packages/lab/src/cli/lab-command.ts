import { Command } from 'commander';
import { stringify } from 'yaml';
import { mutants } from '../mutants.ts';
import { parseScenario, ScenarioError } from '../scenario.ts';
import { builtInScenarios } from '../scenarios.ts';
import { exitCodeFor, explainFailure } from './failures.ts';
import { runMutants } from './mutants.ts';
import { commandLine, parseHours, type LabOptions, whole } from './options.ts';
import { checkOutputs, writeOutputs } from './outputs.ts';
import { printSummary } from './print-summary.ts';
import { readScenario } from './scenario.ts';
import { runWorlds } from './worlds.ts';
import { CommandError, note, print, printExact, printJson, table } from 'posthorn/cli';

function listScenarios(json: boolean): void {
  if (json) return printJson({ scenarios: builtInScenarios.map(parseScenario) });
  print(
    table(
      ['scenario', 'payments', 'hours', 'what'],
      builtInScenarios.map(parseScenario).map((s) => [s.name, s.payments, s.hours, s.description]),
    ),
  );
}

async function lab(name: string, options: LabOptions): Promise<void> {
  if (options.list === true) return listScenarios(options.json === true);
  const { mutant, seed, seeds } = options;
  const scenario = await readScenario(
    options.mutants === true && name === 'incident' ? 'everything' : name,
    options,
  );
  if (options.printScenario === true) return printExact(stringify(scenario).trimEnd());
  if (options.mutants === true) return await runMutants(scenario, options);
  if (mutant !== undefined && !mutants.some(({ name: known }) => known === mutant))
    throw new CommandError(`unknown mutant ${mutant}. Mutants: ${mutants.map((m) => m.name).join(', ')}`, 2);
  checkOutputs(scenario, options);
  const { description: _, ...configuration } = scenario;
  note(
    `scenario ${scenario.name}, seed ${seed}${seeds > 1 ? ` and ${seeds - 1} more` : ''}: ${JSON.stringify(configuration)}`,
  );
  const worlds = await runWorlds(scenario, options);
  const command = commandLine(name, options);
  await writeOutputs(worlds, scenario, options, `${command} --seed ${seed}`);
  if (options.json === true) printJson(worlds.summary);
  else {
    printSummary(worlds.summary, scenario);
    if (options.trace === true)
      for (const { answer } of worlds.answers)
        if (!(answer instanceof Error)) for (const line of answer.lines ?? []) print(line);
    if (worlds.summary.failures.length > 0) await explainFailure(scenario, worlds.summary, options, command);
  }
  const code = exitCodeFor(worlds.summary);
  if (code !== 0) process.exitCode = code;
}

export function labCommand(): Command {
  return new Command('lab')
    .argument('[scenario]', 'a built-in scenario (see --list) or a .yaml file', 'incident')
    .option('--seeds <n>', 'number of seeds', whole(10_000_000), 1)
    .option('--seed <s>', 'the first seed', whole(2 ** 31 - 1), 1)
    .option('--hours <h>', "simulated hours of traffic and faults (default: the scenario's)", parseHours)
    .option('--payments <n>', "number of payments (default: the scenario's)", whole(50_000_000))
    .option('--workers <n>', 'threads (default: one per processor)', whole(256))
    .option(
      '--calibrate <attempts.jsonl>',
      'fit latencies, failures, timeout, retries and amounts to your own delivery log',
    )
    .option('--log <out.jsonl>', "write the naive sender's delivery log")
    .option(
      '--posthorn-log <out.jsonl>',
      "write Posthorn's log of the same payments: one delivery a line, with its attempts",
    )
    .option('--html <report.html>', 'write an HTML report')
    .option('--json', 'print JSON')
    .option('--trace', 'print every event of the simulation')
    .option('--keep <ids>', 'keep only these payments, faults, operations and spells (replays a shrunk seed)')
    .option('--no-shrink', 'do not shrink a failing seed')
    .option('--mutants', 'remove one safeguard from Posthorn at a time, and check that the lab catches it')
    .option('--mutant <name>', 'run one mutant, and shrink the seed that catches it')
    .option('--print-scenario', 'print the scenario as YAML, as a start for your own')
    .option('--list', 'list the scenarios')
    .addHelpText(
      'after',
      '\nExit code: 0 no failure, 1 correctness (lost, unexpected, out of order, unbalanced), 2 wrong usage, 3 liveness, 4 crash.\n\nExamples:\n  posthorn lab incident --html report.html\n  posthorn lab everything --seeds 1000\n  posthorn lab incident --calibrate attempts.jsonl --payments 100000\n  posthorn lab --mutants',
    )
    .action(async (name: string, options: LabOptions) => {
      try {
        await lab(name, options);
      } catch (error) {
        if (error instanceof ScenarioError) throw new CommandError(error.message, 2);
        // A file that is not there, or a directory that cannot be written.
        const { syscall, message } = error as NodeJS.ErrnoException;
        if (syscall !== undefined) throw new CommandError(message, 2);
        throw error;
      }
    });
}
