import { frequentNames } from './detect.ts';
import { AuditError } from './errors.ts';
import type { SniffedFile } from './files.ts';
import type { SampleRecord, Spec } from './spec.ts';

type Field = keyof Spec['fields'];

interface Demand {
  readonly what: string;
  /** One of these is enough; the example shows the first. */
  readonly fields: readonly [Field, ...Field[]];
  /** Whether a column with these values could be the field. */
  readonly fits: (values: readonly string[]) => boolean;
}

const epoch = (value: string): boolean => /^\d{9,19}(\.\d+)?$/.test(value);
const dateTime = (value: string): boolean => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value);

/** Fields that every audit needs. */
const demands: readonly Demand[] = [
  {
    what: 'an event id (event_id)',
    fields: ['event_id', 'delivery_id'],
    fits: (values) =>
      new Set(values).size > values.length / 2 &&
      values.every((value) => /^[\w.:-]{6,}$/.test(value) && !epoch(value) && !dateTime(value)),
  },
  {
    what: 'a time (at, started_at or ended_at)',
    fields: ['at', 'started_at', 'ended_at'],
    fits: (values) => values.every((value) => epoch(value) || dateTime(value)),
  },
  {
    what: 'an outcome (status_code, outcome or state)',
    fields: ['status_code', 'outcome', 'state', 'phase', 'error'],
    fits: (values) => values.every((value) => /^([1-5]\d\d|0|-)?$/.test(value)),
  },
];

/** Throws if a log lacks one of them; the message lists the fields of the log and a likely mapping. */
export function demandFields(file: SniffedFile, spec: Spec, sample: readonly SampleRecord[]): void {
  const lacking = demands.filter(({ fields }) => fields.every((field) => spec.fields[field] === undefined));
  if (lacking.length === 0) return;
  if (sample.length === 0)
    throw new AuditError(
      `${file.path} does not contain a readable record: its first line is ${JSON.stringify((file.lines[0] ?? '').slice(0, 120))}. Supported formats: JSON lines, JSON, CSV, Parquet, and access logs of Envoy and nginx`,
    );
  const there = frequentNames(sample);
  const example = lacking.map(({ fields, fits }) => {
    const name = there.find((one) => {
      const values = sample.flatMap(({ values: of }) => of.get(one) ?? []);
      return values.length > 0 && fits(values);
    });
    return `${fields[0]}=${name ?? '<name>'}`;
  });
  throw new AuditError(
    `${file.path}: nothing in it could be recognised as ${lacking.map(({ what }) => what).join(', nor as ')}. ${
      there.length === 0
        ? 'No line has named fields, so none can be chosen with --map: write the log as JSON lines or CSV'
        : `Fields of the log: ${there.join(', ')}. Map them with --map, for example --map ${example.join(',')}`
    }`,
  );
}
