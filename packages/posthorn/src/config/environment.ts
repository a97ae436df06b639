/** Read by other commands, or by the tests. */
const otherNames = ['URL'];
/** What Kubernetes sets for a service named posthorn: no operator wrote these. */
const injected = /^POSTHORN_(SERVICE_|PORT_\d|TEST_)/;

export interface UnknownVariable {
  readonly variable: string;
  /** The known one that is spelled most like it. */
  readonly nearest: string;
}

/** Edits that make one text of the other: letters put in, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

const longestCompared = 100;

/** Variables that look like settings and are none. `known` are names without `POSTHORN_`. Values are not looked at. */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): UnknownVariable[] {
  const variables = [...known, ...otherNames].map((name) => `POSTHORN_${name}`);
  return Object.keys(env)
    .filter((name) => /^POSTHORN_/i.test(name) && !variables.includes(name) && !injected.test(name))
    .toSorted()
    .map((variable) => {
      const text = variable.toUpperCase().slice(0, longestCompared);
      const ranked = variables.map((name) => [distance(text, name), name] as const);
      return { variable, nearest: ranked.toSorted(([a], [b]) => a - b)[0]![1] };
    });
}
