import type { Command } from 'commander';
import { fromWire, type OperationId, operations } from '@posthorn/client/operations';
import { CommandError } from './output.ts';
import { readYaml } from './yaml-file.ts';

/** Adds the option that gives everything which has no option of its own. */
export function documentOption(command: Command, what: string): Command {
  return command.option(
    '--file <path>',
    `${what} as the API takes it, in JSON or YAML; - is standard input. Options go before it`,
  );
}

/** The document of `--file`, as the client takes it; the server says what is wrong with its members. */
export function documentFrom(path: string | undefined, operation: OperationId): Record<string, unknown> {
  if (path === undefined) return {};
  const { value } = readYaml(path);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CommandError(`${path}: has to be an object`, 2);
  const { body } = operations[operation];
  return fromWire(body!, value) as Record<string, unknown>;
}
