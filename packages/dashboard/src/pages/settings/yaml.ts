/** What stands alone in YAML without quotes, and means itself. */
const plain = /^[A-Za-z][\w./*@-]*$/;
const reserved = /^(true|false|null|yes|no|on|off|y|n)$/i;

function scalar(value: unknown): string {
  if (typeof value === 'string')
    return plain.test(value) && !reserved.test(value) ? value : JSON.stringify(value);
  return value === null || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : JSON.stringify(value);
}

const isNested = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

/** Lines of block YAML, each deeper than what stands above it. */
function lines(value: object, indent: string): string[] {
  const isList = Array.isArray(value);
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .flatMap(([name, one]: [string, unknown]) => {
      const head = isList ? '-' : `${scalar(name)}:`;
      if (Array.isArray(one) && one.every((item) => !isNested(item)))
        return [`${indent}${head} [${one.map(scalar).join(', ')}]`];
      if (!isNested(one))
        return [`${indent}${head} ${typeof one === 'object' && one !== null ? '{}' : scalar(one)}`];
      const inner = lines(one, `${indent}  `);
      // The first line of an item follows its dash.
      return isList
        ? [`${indent}- ${inner[0]!.trimStart()}`, ...inner.slice(1)]
        : [`${indent}${head}`, ...inner];
    });
}

/** A document as in `posthorn.yaml`: `templates: {orders: {…}}`. */
export function toYaml(section: string, name: string, document: object): string {
  return `${lines({ [section]: { [name]: document } }, '').join('\n')}\n`;
}
