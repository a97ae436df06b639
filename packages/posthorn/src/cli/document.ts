import type { Command } from 'commander';
import { fromWire, type OperationId, operations } from '@posthorn/client/operations';
import { CommandError } from './output.ts';
import { readYaml } from './yaml-file.ts';

/** Adds the option for everything without an option of its own. */
export function documentOption(command: Command, what: string): Command {
  return command.option(
    '--file <path>',
    `${what} as the API accepts it, in JSON or YAML; - reads standard input. Options override it`,
  );
}

/** The document of `--file`, in the client's form; the server reports what is wrong with its members. */
export function documentFrom(path: string | undefined, operation: OperationId): Record<string, unknown> {
  if (path === undefined) return {};
  const { value } = readYaml(path);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CommandError(`${path}: must be an object`, 2);
  const { body } = operations[operation];
  return fromWire(body!, value) as Record<string, unknown>;
}
