import type { Incident } from '../../../../posthorn/src/reliability/backtest.ts';
import { type BurnRateRule, defaultRules, type Rule } from '../../../../posthorn/src/reliability/rules.ts';

// Rules as text: for the URL, and as YAML to copy.

/** What a replay of counts can try: whether a retry is overdue is in no count. */
export const usualRules: readonly Rule[] = defaultRules.filter(({ kind }) => kind !== 'overdue');

export const isBurn = (rule: Rule): rule is BurnRateRule => rule.kind === 'burn_rate';

/** The short window is a twelfth of the long one, as in the SRE Workbook. */
const shortShare = 12;

/** Changes of the usual rules: factor and long window of each burn rate, and one gate for all. */
export interface RuleChanges {
  readonly burn: Readonly<Record<string, { readonly factor: number; readonly longMs: number }>>;
  /** A power of ten; null: no gate. */
  readonly gate: number | null;
}

export const usualGate = -5;

export function usualChanges(): RuleChanges {
  return {
    burn: Object.fromEntries(
      usualRules.filter(isBurn).map(({ name, factor, longMs }) => [name, { factor, longMs }]),
    ),
    gate: usualGate,
  };
}

export function changedRules({ burn, gate }: RuleChanges): readonly Rule[] {
  return usualRules.map((rule): Rule => {
    const pValue = gate === null ? null : 10 ** gate;
    if (!isBurn(rule))
      return rule.kind === 'slow_leak' ? { ...rule, pValue: Math.min(rule.pValue, pValue ?? 1) } : rule;
    const { factor, longMs } = burn[rule.name] ?? rule;
    const shortMs = longMs === rule.longMs ? rule.shortMs : longMs / shortShare;
    return { ...rule, factor, longMs, shortMs, pValue };
  });
}

/** `burn-1h:14.4:3600,…;gate:-5`; null: as usual. */
export function changesText(changes: RuleChanges): string | null {
  const text = (its: RuleChanges): string =>
    `${Object.entries(its.burn)
      .map(([name, { factor, longMs }]) => `${name}:${factor}:${longMs / 1000}`)
      .join(',')};gate:${its.gate ?? 'none'}`;
  const shown = text(changes);
  return shown === text(usualChanges()) ? null : shown;
}

/** What a URL says of it; parts that make no sense are as usual. */
export function changesFrom(text: string | undefined): RuleChanges {
  const changes = usualChanges();
  if (text === undefined) return changes;
  const burn = { ...changes.burn };
  const [rules = '', rest = ''] = text.split(';gate:');
  for (const part of rules.split(',')) {
    const [name = '', factor, longS] = part.split(':');
    if (burn[name] === undefined) continue;
    const [f, s] = [Number(factor), Number(longS)];
    if (f > 0 && f <= 10_000 && s >= 600 && s <= 30 * 86_400) burn[name] = { factor: f, longMs: s * 1000 };
  }
  const gate = Number(rest);
  return { burn, gate: rest === 'none' ? null : gate >= -12 && gate <= -1 ? gate : changes.gate };
}

/** `2026-11-05T00:00Z..2026-11-10T00:00Z,…`. Null: there is nothing of it in the URL. */
export function incidentsFrom(text: string | undefined): readonly Incident[] | null {
  if (text === undefined) return null;
  return text.split(',').flatMap((part) => {
    const [from, until] = part.split('..').map((time) => Date.parse(time));
    return from !== undefined && until !== undefined && from < until ? [{ from, until }] : [];
  });
}

const minuteText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;

export const incidentsText = (incidents: readonly Incident[]): string =>
  incidents.length === 0
    ? 'none'
    : incidents.map(({ from, until }) => `${minuteText(from)}..${minuteText(until)}`).join(',');

function durationText(ms: number): string {
  for (const [unitMs, unit] of [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
  ] as const)
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${Math.round(ms / 1000)}s`;
}

/** As `posthorn alerts backtest --rules` reads them. */
export function rulesYaml(
  rules: readonly Rule[],
  { target, windowS, withinS }: { target: number; windowS: number; withinS: number },
): string {
  const lines = [
    'objective:',
    `  target: ${target}`,
    `  window: ${durationText(windowS * 1000)}`,
    `  within: ${durationText(Math.max(1000, withinS * 1000))}`,
    'rules:',
  ];
  for (const rule of rules) {
    lines.push(`  - kind: ${rule.kind}`, `    name: ${rule.name}`, `    severity: ${rule.severity}`);
    if (rule.kind === 'burn_rate')
      lines.push(
        `    long: ${durationText(rule.longMs)}`,
        `    short: ${durationText(rule.shortMs)}`,
        `    factor: ${rule.factor}`,
        `    p_value: ${rule.pValue ?? 'null'}`,
      );
    else if (rule.kind === 'slow_leak')
      lines.push(
        `    windows: [${rule.windowsMs.map(durationText).join(', ')}]`,
        `    p_value: ${rule.pValue}`,
      );
    else lines.push(`    grace: ${durationText(rule.graceMs)}`);
  }
  return `${lines.join('\n')}\n`;
}
