import { parser } from '@prometheus-io/lezer-promql';

// The grammar that the Prometheus authors keep for their own editor.

export interface Selector {
  readonly metric: string;
  /** Labels that its matchers name. */
  readonly labels: readonly string[];
  /** The function with this range argument; null if it is not a range. */
  readonly rangeOf: string | null;
}

export interface ParsedQuery {
  /** Where the grammar gives up, as text around the place. */
  readonly faults: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels in by, without, on and ignoring. */
  readonly groupedBy: readonly string[];
}

/** Reads a PromQL expression; Grafana's interval variable stands for a duration. */
export function parsePromql(text: string): ParsedQuery {
  const expr = text.replaceAll('$__rate_interval', '5m');
  const tree = parser.parse(expr);
  const faults: string[] = [];
  const selectors: Selector[] = [];
  const groupedBy: string[] = [];
  tree.iterate({
    enter: (cursor) => {
      const node = cursor.node;
      if (node.type.isError) faults.push(expr.slice(Math.max(0, node.from - 20), node.to + 20));
      if (node.name === 'GroupingLabels')
        groupedBy.push(...node.getChildren('LabelName').map(({ from, to }) => expr.slice(from, to)));
      if (node.name !== 'VectorSelector') return;
      const name = node.getChild('Identifier');
      const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
      const range = node.parent?.name === 'MatrixSelector' ? node.parent.parent?.parent : null;
      const called = range?.getChild('FunctionIdentifier');
      selectors.push({
        metric: name === null ? '' : expr.slice(name.from, name.to),
        labels: matchers.map((matcher) => {
          const { from, to } = matcher.getChild('LabelName')!;
          return expr.slice(from, to);
        }),
        rangeOf: called === null || called === undefined ? null : expr.slice(called.from, called.to),
      });
    },
  });
  return { faults, selectors, groupedBy };
}
