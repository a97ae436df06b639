// Metrics in the Prometheus text format: https://prometheus.io/docs/instrumenting/exposition_formats/. Implemented here
// because prom-client brings 4.7 MB of packages that Posthorn does not use.

/** Values for all of a metric's labels. */
type Labels<L extends string> = Readonly<Record<L, string>>;

export interface MetricText<L extends string = never> {
  readonly name: string;
  readonly help: string;
  /** The order in which they are written. */
  readonly labels?: readonly L[];
}

/** One time series of a counter or a gauge. */
export interface Cell {
  value: number;
}

const escapedLabel = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
const escapedHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

const seriesText = (name: string, labels: readonly string[], value: number): string =>
  `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`} ${numberText(value)}\n`;

/** A metric and its time series, by their labels. */
class Series<L extends string, T> {
  readonly #names: readonly L[];
  readonly #make: () => T;
  readonly #byLabels = new Map<string, { readonly labels: readonly string[]; readonly one: T }>();

  constructor(names: readonly L[], make: () => T) {
    this.#names = names;
    this.#make = make;
  }

  /** The series with these labels; it is exposed from now on, even before it has counted anything. */
  at(labels: Labels<L>): T {
    const written = this.#names.map((name) => `${name}="${escapedLabel(labels[name])}"`);
    const key = written.join();
    const known = this.#byLabels.get(key);
    if (known !== undefined) return known.one;
    const one = this.#make();
    this.#byLabels.set(key, { labels: written, one });
    return one;
  }

  clear(): void {
    this.#byLabels.clear();
  }

  get all(): Iterable<{ readonly labels: readonly string[]; readonly one: T }> {
    return this.#byLabels.values();
  }
}

/** A counter or a gauge. */
export class Values<L extends string = never> {
  readonly #series: Series<L, Cell>;
  readonly #name: string;

  constructor({ name, labels = [] }: MetricText<L>) {
    this.#name = name;
    this.#series = new Series<L, Cell>(labels, () => ({ value: 0 }));
  }

  at(labels: Labels<L>): Cell {
    return this.#series.at(labels);
  }

  /** Exposes no series until it has a value again. */
  clear(): void {
    this.#series.clear();
  }

  render(): string {
    return [...this.#series.all].map(({ labels, one }) => seriesText(this.#name, labels, one.value)).join('');
  }
}

/** One time series of a histogram. */
export class Distribution {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.#counts[bucket]!++;
  }

  render(name: string, labels: readonly string[]): string {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index]!;
      return seriesText(`${name}_bucket`, [`le="${bound}"`, ...labels], below);
    });
    return [
      ...buckets,
      seriesText(`${name}_bucket`, ['le="+Inf"', ...labels], this.#count),
      seriesText(`${name}_sum`, labels, this.#sum),
      seriesText(`${name}_count`, labels, this.#count),
    ].join('');
  }
}

class Histogram<L extends string = never> {
  readonly #series: Series<L, Distribution>;
  readonly #name: string;

  /** `bounds`: upper bounds of the buckets, ascending. */
  constructor({ name, labels = [] }: MetricText<L>, bounds: readonly number[]) {
    this.#name = name;
    this.#series = new Series<L, Distribution>(labels, () => new Distribution(bounds));
  }

  at(labels: Labels<L>): Distribution {
    return this.#series.at(labels);
  }

  render(): string {
    return [...this.#series.all].map(({ labels, one }) => one.render(this.#name, labels)).join('');
  }
}

/** All metrics of a process. */
export class Registry {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #metrics: { readonly head: string; render(): string }[] = [];

  counter<L extends string = never>(text: MetricText<L>): Values<L> {
    return this.#add('counter', text, new Values(text));
  }

  gauge<L extends string = never>(text: MetricText<L>): Values<L> {
    return this.#add('gauge', text, new Values(text));
  }

  histogram<L extends string = never>(text: MetricText<L>, bounds: readonly number[]): Histogram<L> {
    return this.#add('histogram', text, new Histogram(text, bounds));
  }

  render(): string {
    return this.#metrics.map(({ head, render }) => `${head}${render()}`).join('\n');
  }

  #add<T extends { render(): string }>(type: string, { name, help }: MetricText<string>, metric: T): T {
    const head = `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`;
    this.#metrics.push({ head, render: () => metric.render() });
    return metric;
  }
}
