/** Functions whose cost is about the size of their input, and whose results are not larger. */
const simpleFunctions: ReadonlySet<string> = new Set(
  `abs average boolean ceil contains count exists floor fromMillis keys length lookup lowercase max merge min not number power
   round sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase`.split(/\s+/),
);

/** What can repeat work: function definitions, variable bindings, ranges, chains, descendants. */
const repeating = /\bfunction\b|λ|:=|\.\.|~>|\*\*/;

/**
 * Returns whether an expression only takes values and puts them elsewhere. Decided by its text alone, so some simple
 * ones count as not simple. It affects turns, never limits.
 */
export function isSimpleExpression(expression: string): boolean {
  if (repeating.test(expression)) return false;
  return [...expression.matchAll(/\$(\w+)\s*\(/g)].every(([, name]) => simpleFunctions.has(name!));
}
