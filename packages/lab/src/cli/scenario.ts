import { readFileSync } from 'node:fs';
import { calibrate } from '../calibrate.ts';
import { parseScenario, parseScenarioYaml, type Scenario } from '../scenario.ts';
import { builtInScenarios } from '../scenarios.ts';
import { CommandError, note } from 'posthorn/cli';
import type { LabOptions } from './options.ts';

/** The scenario of this name or file, fitted to a log and made as long and as large as the options say. */
export async function readScenario(name: string, options: LabOptions): Promise<Scenario> {
  const asked = scenarioNamed(name);
  const scenario = options.calibrate === undefined ? asked : await fitted(options.calibrate, asked);
  return {
    ...scenario,
    ...(options.hours === undefined ? {} : { hours: options.hours }),
    ...(options.payments === undefined ? {} : { payments: options.payments }),
  };
}

async function fitted(log: string, to: Scenario): Promise<Scenario> {
  const { lines, unreadable, events, timeoutS, scenario } = await calibrate(log, to);
  note(
    `calibrated from ${lines} attempts of ${events} events (${unreadable} unreadable lines); timeout of the client: ${timeoutS === null ? 'not seen' : `${timeoutS} s`}`,
  );
  // Lines that are left out may be those that matter: the worlds are run, and the exit code says so.
  if (unreadable > 0) process.exitCode = 1;
  return scenario;
}

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
      `unknown scenario ${name}. Scenarios: ${builtInScenarios.map((s) => s.name).join(', ')}. Or name a .yaml file.`,
      2,
    );
  return parseScenario(found);
}
