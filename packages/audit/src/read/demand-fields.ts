import { STATUS_CODES } from 'node:http';
import { frequentNames } from './detect.ts';
import { AuditError } from '../errors.ts';
import type { SniffedFile } from './files.ts';
import { type SampleRecord, type Spec, valuesByName } from './spec.ts';
import { looksLikeTime } from './times.ts';

type Field = keyof Spec['fields'];

interface Demand {
  readonly what: string;
  /** One of these is enough; the example shows the first. */
  readonly fields: readonly [Field, ...Field[]];
  /** Whether a column with these values could be the field. */
  readonly fits: (values: readonly string[], name: string) => boolean;
}

const epoch = (value: string): boolean => /^\d{9,19}(\.\d+)?$/.test(value);
const distinct = (values: readonly string[]): number => new Set(values).size;
const isAddress = (value: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$|^[0-9a-f]*::?[0-9a-f:]+$/i.test(value);

/** An id by its look, whatever its field is called: `evt_17`, a UUID. */
const isMarkedId = (value: string): boolean =>
  /^[a-z]{2,8}_\w+$/i.test(value) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
/** A status of HTTP that exists: durations and sizes are others as well. */
const isStatusCode = (value: string): boolean => STATUS_CODES[value] !== undefined;

/** Fields that every audit needs. */
const demands: readonly Demand[] = [
  {
    what: 'an event id (event_id)',
    fields: ['event_id', 'delivery_id'],
    fits: (values, name) =>
      (/(id|uuid|guid|key|ref|message|event)$/i.test(name) || values.every(isMarkedId)) &&
      distinct(values) > values.length / 4 &&
      values.every(
        (value) => /^[\w.:-]{6,}$/.test(value) && !epoch(value) && !looksLikeTime(value) && !isAddress(value),
      ),
  },
  {
    what: 'a time (at, started_at or ended_at)',
    fields: ['at', 'started_at', 'ended_at'],
    fits: (values) => values.every((value) => epoch(value) || looksLikeTime(value)),
  },
  {
    what: 'an outcome (status_code, outcome or state)',
    fields: ['status_code', 'outcome', 'state', 'phase', 'error'],
    fits: (values, name) =>
      (/(status|code|outcome|result|state|response)/i.test(name) || values.every(isStatusCode)) &&
      !/(bytes|size|length|amount|port)/i.test(name) &&
      distinct(values) <= 60 &&
      values.every((value) => /^([1-5]\d\d|0|-)?$/.test(value)) &&
      values.some((value) => value.startsWith('2')),
  },
];

/** What to do about lines of prose. */
function freeText({ lines }: SniffedFile): string {
  return `its lines are free text, such as ${JSON.stringify((lines[0] ?? '').slice(0, 160))}. Say where the fields are with --pattern and named groups, for example --pattern 'attempt (?<attempt_no>\\d+) of (?<event_id>\\S+) to (?<endpoint>\\S+): (?:HTTP (?<status_code>\\d+)|(?<error>.+))'; --preview shows what is read`;
}

/** Throws if a log lacks one of them; the message lists the fields of the log and a likely mapping. */
export function demandFields(file: SniffedFile, spec: Spec, sample: readonly SampleRecord[]): void {
  const lacking = demands.filter(({ fields }) => fields.every((field) => spec.fields[field] === undefined));
  if (lacking.length === 0) return;
  if (sample.length === 0)
    throw new AuditError(
      `${file.path} does not contain a readable record: its first line is ${JSON.stringify((file.lines[0] ?? '').slice(0, 120))}. Supported formats: JSON lines, JSON, CSV, Parquet, and access logs of Envoy and nginx`,
    );
  const there = frequentNames(sample);
  const isFreeText = file.container === 'text' && there.length <= 2;
  const columns = valuesByName(sample);
  const example = lacking.map(({ fields, fits }) => {
    const name = there.find((one) => {
      const values = columns.get(one);
      return values !== undefined && fits(values, one);
    });
    return `${fields[0]}=${name ?? '<name>'}`;
  });
  if (isFreeText) throw new AuditError(`${file.path}: ${freeText(file)}`);
  throw new AuditError(
    `${file.path}: nothing in it could be recognised as ${lacking.map(({ what }) => what).join(', nor as ')}. ${
      there.length === 0
        ? 'No line has named fields, so none can be chosen with --map: write the log as JSON lines or CSV'
        : `Fields of the log: ${there.join(', ')}. Map them with --map, for example --map ${example.join(',')}`
    }`,
  );
}
