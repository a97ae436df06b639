import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'yaml';
import { formats } from '../names.ts';
import type { AuditOptions, Format } from '../result.ts';
import { CommandError } from 'posthorn/cli';

/** What the user says about a log that is not understood by itself. */
export interface LogReading {
  readonly format?: Format;
  readonly map?: Readonly<Record<string, string>>;
  readonly mapFile?: string;
  readonly timezone?: string;
  readonly pattern?: string;
  readonly timeFormat?: string;
}

function mapping(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1)
        throw new InvalidArgumentError(
          'must be pairs, such as event_id=msg.id,attempt_no=try,duration=took:s',
        );
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function mappingFile(path: string): Record<string, string> {
  try {
    const value: unknown = parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('it must be a YAML mapping of fields to names');
    return Object.fromEntries(Object.entries(value).map(([field, from]) => [field, String(from)]));
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`, 2);
  }
}

function namedPattern(text: string): string {
  try {
    if (/\(\?P?<\w+>/.test(text) && new RegExp(text.replaceAll('(?P<', '(?<'))) return text;
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  throw new InvalidArgumentError('must have named groups, such as (?<event_id>evt_\\w+)');
}

/** Adds the options that say how a log is read. */
export function logReadingOptions(command: Command): Command {
  return command
    .optionsGroup('How to read a log that is not recognized:')
    .addOption(new Option('--format <name>', 'the format (default: detected)').choices(formats))
    .option('--map <pairs>', 'which field is which: event_id=msg.id,attempt_no=try,duration=took:s', mapping)
    .option('--map-file <map.yaml>', 'the same as a YAML file')
    .option(
      '--pattern <regex>',
      'for lines of text: a pattern with named groups, such as (?<event_id>evt_\\w+)',
      namedPattern,
    )
    .option(
      '--time-format <format>',
      'how times are written, for example %d/%m/%Y %H:%M:%S (default: detected)',
    )
    .option('--timezone <name>', 'for times without a time zone (default: UTC)');
}

/** Converts these options to those of the audit. */
export function readingFrom({
  format,
  map,
  mapFile,
  timezone,
  pattern,
  timeFormat,
}: LogReading): Pick<AuditOptions, 'format' | 'mapping' | 'timezone' | 'pattern' | 'timeFormat'> {
  const pairs = { ...(mapFile === undefined ? {} : mappingFile(mapFile)), ...map };
  return {
    format,
    mapping: Object.keys(pairs).length === 0 ? undefined : pairs,
    timezone,
    pattern: pattern?.replaceAll('(?P<', '(?<'),
    timeFormat,
  };
}
