/** A rule file as Prometheus reads it: groups of recording and alerting rules. */
export interface RuleFile {
  readonly groups: readonly RuleGroup[];
}

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Returns a duration as Prometheus writes it, in the largest unit that divides it: 5m, 6h, 30d. */
export function promDuration(ms: number): string {
  const [unit, length] = units.find(([, each]) => ms % each === 0) ?? ['s', 1000];
  return `${Math.ceil(ms / length)}${unit}`;
}

/** Returns a share without binary rounding errors: 1 - 0.999 is 0.001. */
export function share(value: number): number {
  return Number(value.toPrecision(10));
}
