import {
  accessSync,
  constants,
  createReadStream,
  createWriteStream,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { calibrate } from '../../lab/calibrate.ts';
import { mergeLogs } from '../../lab/delivery-log.ts';
import { mutants } from '../../lab/mutants.ts';
import { type Job, jobOf, runJobs } from '../../lab/pool.ts';
import { labReport } from '../../lab/report.ts';
import type { SeedResult } from '../../lab/run.ts';
import { parseScenario, parseScenarioYaml, type Scenario, ScenarioError } from '../../lab/scenario.ts';
import { builtInScenarios } from '../../lab/scenarios.ts';
import { shrink } from '../../lab/shrink.ts';
import { examplesOf, type FailureKind, type LabSummary, summarize } from '../../lab/summary.ts';
import { CommandError, note, print, progress, table } from '../output.ts';

/** A world of so many payments is run as two halves side by side: two threads, half the memory each. */
const halvesFrom = 200_000;
const exitCodes: Readonly<Record<FailureKind, number>> = { correctness: 1, liveness: 3, crash: 4 };
const mutantSeeds = 50;
/** Of a shrunk failure's account. */
const linesMost = 120;

interface LabOptions {
  readonly seeds: number;
  readonly seed: number;
  readonly hours?: number;
  readonly payments?: number;
  readonly workers?: number;
  readonly json?: boolean;
  readonly log?: string;
  readonly posthornLog?: string;
  readonly html?: string;
  readonly calibrate?: string;
  readonly keep?: string;
  readonly trace?: boolean;
  readonly shrink: boolean;
  readonly list?: boolean;
  readonly mutants?: boolean;
  readonly mutant?: string;
  readonly printScenario?: boolean;
}

const whole = (most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new InvalidArgumentError(`takes a whole number from 1 to ${most}`);
  return value;
};
const hoursOf = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && value <= 8760))
    throw new InvalidArgumentError('takes hours, more than 0 and at most 8760');
  return value;
};

function scenarioNamed(name: string): Scenario {
  if (/\.ya?ml$/.test(name)) {
    let text: string;
    try {
      text = readFileSync(name, 'utf8');
    } catch (error) {
      throw new CommandError(`cannot read ${name}: ${(error as Error).message}`, 2);
    }
    return parseScenarioYaml(text);
  }
  const found = builtInScenarios.find((scenario) => scenario.name === name);
  if (found === undefined)
    throw new CommandError(
      `there is no scenario ${name}; there are ${builtInScenarios.map((s) => s.name).join(', ')}, or give a .yaml file`,
      2,
    );
  return parseScenario(found);
}

/** The jobs of one seed: a large world in two halves, whose own seeds follow from it. */
function jobsOf(scenario: Scenario, seed: number, options: LabOptions): Job[] {
  const common = {
    keep: options.keep?.split(',') ?? null,
    traced: options.trace === true,
    mutant: options.mutant ?? null,
  };
  if (scenario.payments < halvesFrom || common.keep !== null)
    return [jobOf(scenario, seed, { ...common, ...logsOf(options, `${seed}_`, 0) })];
  return [0, 1].map((half) => ({
    scenario: { ...scenario, payments: Math.ceil((scenario.payments - half) / 2) },
    seed: seed * 2 + half + 1_000_000,
    ...common,
    ...logsOf(options, `${seed}${'ab'[half]}_`, half),
  }));
}

function logsOf(
  { log, posthornLog }: LabOptions,
  prefix: string,
  part: number,
): Pick<Job, 'log' | 'posthornLog'> {
  const of = (path: string | undefined): Job['log'] =>
    path === undefined ? null : { path: `${path}.part${part}`, prefix };
  return { log: of(log), posthornLog: of(posthornLog) };
}

function ofWorkers({ workers }: LabOptions): { workers?: number } {
  return workers === undefined ? {} : { workers };
}

async function runMutants(scenario: Scenario, options: LabOptions): Promise<void> {
  const perMutant = options.seeds > 1 ? options.seeds : mutantSeeds;
  note(`${mutants.length} mutants, ${perMutant} seeds each from ${options.seed}, scenario ${scenario.name}`);
  const jobs = mutants.flatMap(({ name }) =>
    Array.from({ length: perMutant }, (_, index) => jobOf(scenario, options.seed + index, { mutant: name })),
  );
  const bar = progress(jobs.length);
  const answers = await runJobs(jobs, {
    ...ofWorkers(options),
    onProgress: (done) => bar.at(done, 'worlds'),
  });
  bar.end();
  const rows = mutants.map(({ name, words }, index) => {
    const own = answers.slice(index * perMutant, (index + 1) * perMutant);
    const caught = own.map((answer) => answer instanceof Error || answer.violations.length > 0);
    // How many seeds one has to run, beginning anywhere, until one catches it.
    const needed: number[] = [];
    for (let at = 0, since = 0; at < caught.length; at++) {
      since++;
      if (caught[at] === true) {
        needed.push(since);
        since = 0;
      }
    }
    needed.sort((a, b) => a - b);
    const by = [
      ...new Set(
        own.flatMap((answer) =>
          answer instanceof Error ? ['crash'] : answer.violations.map(({ invariant }) => invariant),
        ),
      ),
    ];
    return {
      mutant: name,
      words,
      seeds: perMutant,
      caught: needed.length,
      median_seeds: needed[needed.length >> 1] ?? null,
      worst_seeds: needed.at(-1) ?? null,
      by,
    };
  });
  const missed = rows.filter(({ caught }) => caught === 0);
  if (options.json === true)
    print(
      JSON.stringify({ scenario: scenario.name, mutants: rows, missed: missed.map(({ mutant }) => mutant) }),
    );
  else {
    print(
      table(
        ['mutant', 'caught in', 'median', 'worst', 'by', 'what it does'],
        rows.map((r) => [
          r.mutant,
          `${r.caught}/${r.seeds}`,
          `${r.median_seeds ?? '-'}`,
          `${r.worst_seeds ?? '-'}`,
          r.by.slice(0, 3).join(' '),
          r.words,
        ]),
      ),
    );
    print(
      missed.length === 0
        ? '\nEvery mutant was caught.'
        : `\nNOT CAUGHT: ${missed.map(({ mutant }) => mutant).join(', ')}`,
    );
  }
  if (missed.length > 0) process.exitCode = 1;
}

function printSummary(summary: LabSummary, scenario: Scenario): void {
  const { naive, posthorn } = summary;
  print(
    `${summary.payments.toLocaleString('en-US')} payments over ${summary.simulated_days} simulated days, ${summary.seeds} ${summary.seeds === 1 ? 'seed' : 'seeds'}, ${summary.seconds} s (${summary.seeds_per_s} seeds a second)\n`,
  );
  if (naive !== null)
    print(
      `${table(
        ['the same payments, the same network', 'the service', 'Posthorn'],
        [
          ['accepted', naive.accepted, posthorn.accepted],
          ['delivered', naive.delivered, posthorn.delivered],
          ['lost in silence', naive.silently_dropped, posthorn.lost],
          ['given up as dead letters', naive.given_up, posthorn.dead],
          ['late', naive.late, posthorn.late],
          ['arrived more than once', naive.duplicated, posthorn.duplicated],
        ],
      )}\n\nThe service lost ${(naive.silent_drop_rate * 100).toFixed(3)} % of its webhooks in silence: ${naive.value_at_risk_per_week
        .map(
          ({ amount_minor: minor, currency }) =>
            `${(minor / 100).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${currency}`,
        )
        .join(', ')} of payments a week without their confirmation.\n`,
    );
  else {
    const {
      accepted,
      delivered,
      dead,
      cancelled,
      suppressed,
      duplicated,
      superseded,
      late,
      steps_checked: steps,
    } = posthorn;
    print(
      `${table(
        [
          'accepted',
          'delivered',
          'dead',
          'cancelled',
          'suppressed',
          'late',
          'duplicated',
          'superseded',
          'lost',
          'unexpected',
          'residue',
          'steps checked',
        ],
        [
          [
            accepted,
            delivered,
            dead,
            cancelled,
            suppressed,
            late,
            duplicated,
            superseded,
            posthorn.lost,
            posthorn.unexpected,
            posthorn.residue,
            steps,
          ],
        ],
      )}\n`,
    );
  }
  print(
    `injected: ${Object.entries(summary.faults)
      .map(([fault, n]) => `${fault} ${n.toLocaleString('en-US')}`)
      .join(', ')}`,
  );
  if (posthorn.duplicated > 0 && naive === null)
    print(
      `duplicates, which receivers know by their webhook-id: ${Object.entries(posthorn.duplicate_causes)
        .map(([cause, n]) => `${cause} ${n}`)
        .join(', ')}`,
    );
  if (summary.failures.length === 0) {
    print(
      `\nPosthorn: 0 lost, 0 unexpected, residue 0 (${scenario.name}, seed ${summary.seed}${summary.seeds > 1 ? ` to ${summary.seed + summary.seeds - 1}` : ''}).`,
    );
    if (summary.seeds > 1)
      print(
        `No failure in ${summary.seeds} seeds: at 95 %, under this fault model, fewer than ${(300 / summary.seeds).toPrecision(2)} % of seeds fail.`,
      );
  }
}

async function explainFailure(
  scenario: Scenario,
  summary: LabSummary,
  options: LabOptions,
  command: string,
): Promise<void> {
  for (const { seed, kind, violations } of summary.failures.slice(0, 5))
    print(
      `FAILED seed ${seed} (${kind}): ${violations[0]!.invariant} at ${(violations[0]!.at / 1000).toFixed(1)} s: ${violations[0]!.words}`,
    );
  const first = summary.failures.find(({ kind }) => kind !== 'crash');
  if (first === undefined || !options.shrink || options.keep !== undefined || scenario.payments > 5000)
    return;
  note(`\nmaking seed ${first.seed} smaller …`);
  const bar = progress(400);
  const mutant = mutants.find(({ name }) => name === options.mutant)?.make;
  const shrunk = await shrink(scenario, first.seed, first.violations[0]!.invariant, {
    ...(mutant === undefined ? {} : { mutant }),
    onProgress: (left, runs) => bar.at(runs, `runs, ${left} things left`),
  });
  bar.end();
  if (shrunk === null) {
    print(
      'The failure did not come again: that is a defect of the lab itself; please report it with the line above.',
    );
    return;
  }
  print(
    `\n${shrunk.before} things made ${shrunk.keep.length} (${shrunk.runs} runs). What is left happens like this:\n`,
  );
  const lines = shrunk.result.lines ?? [];
  const broken = lines.findIndex((line) => line.includes(`VIOLATION ${first.violations[0]!.invariant}`));
  for (const line of lines.slice(0, broken < 0 ? lines.length : broken + 1).slice(-linesMost)) print(line);
  print(`\nReplay: ${command} --seed ${first.seed} --keep ${shrunk.keep.join(',')} --trace`);
}

async function lab(name: string, options: LabOptions): Promise<void> {
  if (options.list === true) {
    print(
      table(
        ['scenario', 'payments', 'hours', 'what'],
        builtInScenarios.map(parseScenario).map((s) => [s.name, s.payments, s.hours, s.description]),
      ),
    );
    return;
  }
  let scenario = scenarioNamed(options.mutants === true && name === 'incident' ? 'everything' : name);
  if (options.calibrate !== undefined) {
    const {
      lines,
      unreadable,
      events,
      timeoutS,
      scenario: fitted,
    } = await calibrate(options.calibrate, scenario);
    note(
      `calibrated from ${lines} attempts of ${events} events (${unreadable} unreadable lines); time-out of the client: ${timeoutS === null ? 'not seen' : `${timeoutS} s`}`,
    );
    scenario = fitted;
  }
  scenario = {
    ...scenario,
    ...(options.hours === undefined ? {} : { hours: options.hours }),
    ...(options.payments === undefined ? {} : { payments: options.payments }),
  };
  if (options.printScenario === true) {
    print(stringify(scenario).trimEnd());
    return;
  }
  if (options.mutants === true) return await runMutants(scenario, options);
  if (options.mutant !== undefined && !mutants.some(({ name: known }) => known === options.mutant))
    throw new CommandError(
      `there is no mutant ${options.mutant}; there are ${mutants.map((m) => m.name).join(', ')}`,
      2,
    );
  if (options.log !== undefined && (scenario.naive === null || options.seeds > 1))
    throw new CommandError(
      '--log writes the delivery log of the naive sender: give a scenario that has one (incident), and one seed',
      2,
    );
  // Before the work, not after it.
  if (options.posthornLog !== undefined && options.seeds > 1)
    throw new CommandError('--posthorn-log writes the log of one world: give one seed', 2);
  for (const path of [options.log, options.posthornLog, options.html])
    if (path !== undefined) accessSync(dirname(resolve(path)), constants.W_OK);
  const command = `npx posthorn lab ${name}${options.hours === undefined ? '' : ` --hours ${options.hours}`}${options.payments === undefined ? '' : ` --payments ${options.payments}`}${options.calibrate === undefined ? '' : ` --calibrate ${options.calibrate}`}${options.mutant === undefined ? '' : ` --mutant ${options.mutant}`}`;
  const { description: _, ...configuration } = scenario;
  note(
    `scenario ${scenario.name}, seed ${options.seed}${options.seeds > 1 ? ` and ${options.seeds - 1} more` : ''}: ${JSON.stringify(configuration)}`,
  );

  const seeds = Array.from({ length: options.seeds }, (_, index) => options.seed + index);
  const jobs = seeds.flatMap((seed) => jobsOf(scenario, seed, options));
  const parts = jobs.length / seeds.length;
  const seedOf = (index: number): number => seeds[Math.floor(index / parts)]!;
  const began = performance.now();
  const bar = progress(scenario.payments * seeds.length);
  let failed = 0;
  const answers = await runJobs(jobs, {
    ...ofWorkers(options),
    onProgress: (done) => {
      const seconds = (performance.now() - began) / 1000;
      bar.at(
        Math.round((done / jobs.length) * scenario.payments * seeds.length),
        `payments${seeds.length > 1 ? `, ${(done / parts / seconds).toFixed(1)} seeds a second` : ''}${failed > 0 ? `, ${failed} FAILED` : ''}`,
      );
    },
    onResult: (answer) => {
      if (answer instanceof Error || answer.violations.length > 0) failed++;
    },
  });
  bar.end();
  const seconds = (performance.now() - began) / 1000;
  const named = answers.map((answer: SeedResult | Error, index) => ({ seed: seedOf(index), answer }));
  const summary = summarize(scenario, named, { seed: options.seed, seeds: seeds.length, parts, seconds });
  if (options.log !== undefined) {
    const pieces = jobs.map(({ log }) => log!.path);
    await mergeLogs(pieces, options.log);
    for (const piece of pieces) rmSync(piece);
    note(`the service's delivery log is in ${options.log}`);
  }
  if (options.posthornLog !== undefined) {
    const pieces = jobs.map(({ posthornLog }) => posthornLog!.path);
    writeFileSync(options.posthornLog, '');
    for (const piece of pieces) {
      await pipeline(createReadStream(piece), createWriteStream(options.posthornLog, { flags: 'a' }));
      rmSync(piece);
    }
    note(`Posthorn's own log is in ${options.posthornLog}`);
  }
  if (options.html !== undefined) {
    writeFileSync(
      options.html,
      labReport(summary, scenario, examplesOf(named), `${command} --seed ${options.seed}`),
    );
    note(`the report is in ${options.html}`);
  }
  if (options.json === true) print(JSON.stringify(summary));
  else printSummary(summary, scenario);
  if (options.trace === true && options.json !== true)
    for (const { answer } of named)
      if (!(answer instanceof Error)) for (const line of answer.lines ?? []) print(line);
  if (summary.failures.length === 0) return;
  if (options.json !== true) await explainFailure(scenario, summary, options, command);
  const kinds = summary.failures.map(({ kind }) => kind);
  process.exitCode =
    exitCodes[(['crash', 'correctness', 'liveness'] as const).find((kind) => kinds.includes(kind))!];
}

export function labCommand(): Command {
  return new Command('lab')
    .argument('[scenario]', 'a built-in scenario (see --list) or a .yaml file', 'incident')
    .option('--seeds <n>', 'how many seeds', whole(10_000_000), 1)
    .option('--seed <s>', 'the first seed', whole(2 ** 31 - 1), 1)
    .option('--hours <h>', 'simulated hours of traffic and faults, instead of the scenario’s', hoursOf)
    .option('--payments <n>', 'how many payments, instead of the scenario’s', whole(50_000_000))
    .option('--workers <n>', 'threads; as many as there are processors', whole(256))
    .option(
      '--calibrate <attempts.jsonl>',
      'fit latencies, failures, time-out, retries and amounts to a delivery log of your own',
    )
    .option('--log <out.jsonl>', "write the naive sender's delivery log")
    .option(
      '--posthorn-log <out.jsonl>',
      "write Posthorn's own log of the same payments: a delivery a line, with its attempts",
    )
    .option('--html <report.html>', 'write a report that a manager understands')
    .option('--json', 'print JSON')
    .option('--trace', 'print everything that happens')
    .option('--keep <ids>', 'only these payments, faults, operations and spells: replays a shrunk seed')
    .option('--no-shrink', 'do not make a failing seed smaller')
    .option('--mutants', 'take one guard out of Posthorn at a time, and see the lab catch it')
    .option('--mutant <name>', 'run one mutant, and make the seed that catches it small enough to read')
    .option('--print-scenario', 'print the scenario as YAML, to begin your own with')
    .option('--list', 'list the scenarios')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing failed, 1 correctness (lost, unexpected, out of order, unbalanced), 2 wrong usage, 3 liveness, 4 crash.\n\nExamples:\n  posthorn lab incident --html report.html\n  posthorn lab everything --seeds 1000\n  posthorn lab incident --calibrate attempts.jsonl --payments 100000\n  posthorn lab --mutants',
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
