import { InvalidArgumentError } from 'commander';

/** The options of `posthorn lab`. */
export interface LabOptions {
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

export const whole = (most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new InvalidArgumentError(`takes a whole number from 1 to ${most}`);
  return value;
};
export const parseHours = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && value <= 8760))
    throw new InvalidArgumentError('takes hours, more than 0 and at most 8760');
  return value;
};

export function ofWorkers({ workers }: LabOptions): { workers?: number } {
  return workers === undefined ? {} : { workers };
}

/** The command that asks for the same worlds again, but for the seed. */
export function commandLine(name: string, options: LabOptions): string {
  const given = (['hours', 'payments', 'calibrate', 'mutant'] as const).filter(
    (option) => options[option] !== undefined,
  );
  return ['npx posthorn lab', name, ...given.map((option) => `--${option} ${options[option]}`)].join(' ');
}
