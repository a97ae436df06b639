import { InvalidArgumentError } from 'commander';

/** Parses an argument that is JSON. */
export function jsonArgument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`takes JSON: ${(error as Error).message}`);
  }
}
