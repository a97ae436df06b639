import { parse } from 'yaml';
import { z } from 'zod';
import { defaultObjective, defaultRules, type Objective, type Rule } from './rules.ts';

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const duration = z
  .string()
  .regex(/^\d{1,6}(s|m|h|d)$/, 'a duration such as 30s, 5m, 6h or 3d')
  .transform((text) => Number(text.slice(0, -1)) * units[text.at(-1)!]!);
const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lowercase letters, digits and dashes'),
  severity: z.enum(['page', 'ticket']),
};
const pValue = z.number().min(1e-12).max(0.5);
const rule = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('burn_rate'),
    ...common,
    long: duration,
    short: duration,
    factor: z.number().positive().max(10_000),
    p_value: pValue.nullable().default(1e-5),
  }),
  z.strictObject({
    kind: z.literal('slow_leak'),
    ...common,
    windows: z.array(duration).min(1).max(10),
    p_value: pValue.default(1e-6),
  }),
  z.strictObject({ kind: z.literal('overdue'), ...common, grace: duration.default(5 * 60_000) }),
]);
const file = z.strictObject({
  objective: z
    .strictObject({
      target: z.number().min(0.5).max(0.999999),
      window: duration.default(defaultObjective.windowMs),
      within: duration.default(defaultObjective.withinMs),
    })
    .optional(),
  rules: z.array(rule).min(1).max(50).optional(),
});

export class RulesError extends Error {
  override readonly name = 'RulesError';
}

function toRule(one: z.output<typeof rule>): Rule {
  const { name, severity } = one;
  if (one.kind === 'burn_rate')
    return {
      kind: one.kind,
      name,
      severity,
      longMs: one.long,
      shortMs: one.short,
      factor: one.factor,
      pValue: one.p_value,
    };
  if (one.kind === 'slow_leak')
    return { kind: one.kind, name, severity, windowsMs: one.windows, pValue: one.p_value };
  return { kind: one.kind, name, severity, graceMs: one.grace };
}

/**
 * Parses the rules and the objective of a YAML file; defaults fill what it leaves out. A `RulesError` names each fault
 * by its path.
 */
export function parseRules(text: string): { readonly objective: Objective; readonly rules: readonly Rule[] } {
  let input: unknown;
  try {
    input = parse(text);
  } catch (error) {
    throw new RulesError(`Invalid YAML: ${(error as Error).message}`);
  }
  const { success, data, error } = file.safeParse(input);
  if (!success)
    throw new RulesError(
      `Invalid rules:\n${error.issues.map(({ path, message }) => `  ${path.join('.') || '(top)'}: ${message}`).join('\n')}`,
    );
  const { objective, rules } = data;
  return {
    objective:
      objective === undefined
        ? defaultObjective
        : { target: objective.target, windowMs: objective.window, withinMs: objective.within },
    rules: rules?.map(toRule) ?? defaultRules,
  };
}
