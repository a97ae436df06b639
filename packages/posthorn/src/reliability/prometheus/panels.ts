/** A Grafana dashboard (schema version 39) on the metrics and the exported rules. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly [member: string]: unknown;
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant?: boolean;
  readonly format?: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly [member: string]: unknown;
}

type Kind = 'stat' | 'timeseries' | 'bargauge' | 'table' | 'row';
interface Draft {
  readonly kind: Kind;
  readonly title: string;
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  readonly unit: string;
  readonly width: number;
  readonly description: string;
  /** The value from which it is red; below, it is green. Null: no color. */
  readonly redFrom: number | null;
}

const datasource = { type: 'prometheus', uid: '${datasource}' };
const whole = 24;

export const draft = (
  kind: Kind,
  title: string,
  width: number,
  unit: string,
  queries: Draft['queries'],
  description = '',
  redFrom: number | null = null,
): Draft => ({ kind, title, queries, unit, width, description, redFrom });
export const row = (title: string): Draft => draft('row', title, whole, 'none', []);

export const interval = '$__rate_interval';
export const quantiles = (metric: string, of = ''): Draft['queries'] =>
  [0.5, 0.95, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket${of}[${interval}])))`,
    `p${q * 100}`,
  ]);

const heights: Readonly<Record<Kind, number>> = { row: 1, stat: 4, bargauge: 8, timeseries: 8, table: 8 };

function placePanel(made: Draft, id: number, x: number, y: number): Panel {
  const { kind, title, width, queries, unit, description, redFrom } = made;
  const gridPos = { x, y, w: width, h: heights[kind] };
  if (kind === 'row') return { id, type: 'row', title, gridPos, collapsed: false, panels: [] };
  const steps =
    redFrom === null
      ? [{ color: 'green', value: null }]
      : [
          { color: 'green', value: null },
          { color: 'red', value: redFrom },
        ];
  return {
    id,
    type: kind,
    title,
    description,
    gridPos,
    datasource,
    fieldConfig: { defaults: { unit, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options: kind === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' } } : {},
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
      ...(kind === 'timeseries' ? {} : { instant: true }),
      ...(kind === 'table' ? { format: 'table' } : {}),
    })),
  };
}

/** Panels from left to right; one that does not fit starts a new row. */
function placed(all: readonly Draft[]): Panel[] {
  let x = 0;
  let y = 0;
  let height = 0;
  return all.map((made, index) => {
    if (x + made.width > whole) {
      x = 0;
      y += height;
      height = 0;
    }
    const panel = placePanel(made, index + 1, x, y);
    x += made.width;
    height = Math.max(height, panel.gridPos.h);
    return panel;
  });
}

interface Board {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Values that a reader chooses: name → what Grafana asks Prometheus for. */
  readonly choices?: Readonly<Record<string, string>>;
  readonly drafts: readonly Draft[];
}

export function boardFrom({ uid, title, description, choices = {}, drafts }: Board): Dashboard {
  const chosen = Object.entries(choices).map(([name, query]) => ({
    name,
    type: 'query',
    label: name,
    datasource,
    query: { query, refId: name },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { text: 'All', value: '$__all' },
    sort: 1,
    hide: 0,
  }));
  return {
    uid,
    title,
    description,
    tags: ['posthorn'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus', hide: 0 },
        ...chosen,
      ],
    },
    annotations: { list: [] },
    links: [
      { type: 'dashboards', title: 'Posthorn', tags: ['posthorn'], asDropdown: true, includeVars: false },
    ],
    panels: placed(drafts),
  };
}
