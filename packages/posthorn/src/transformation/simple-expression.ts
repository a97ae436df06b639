/** Functions whose cost is about the size of what they are given, and whose results are not larger. */
const simpleFunctions: ReadonlySet<string> = new Set(
  `abs average boolean ceil contains count exists floor fromMillis keys length lookup lowercase max merge min not number power
   round sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase`.split(/\s+/),
);

/** What can repeat work: functions of its own, names for values, ranges, chains, descendants. */
const repeating = /\bfunction\b|λ|:=|\.\.|~>|\*\*/;

/**
 * Whether an expression takes values and puts them elsewhere, and no more: decided by its text alone, so a few that do no more
 * count as others. It decides about turns, and never about bounds.
 */
export function isSimpleExpression(expression: string): boolean {
  if (repeating.test(expression)) return false;
  return [...expression.matchAll(/\$(\w+)\s*\(/g)].every(([, name]) => simpleFunctions.has(name!));
}
