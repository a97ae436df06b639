import { z } from 'zod';
import type { NamedSlo, SloDocument } from '../../domain/objective.ts';
import { annotation, nearlyOne, type OpenSloDocument } from './documents.ts';
import { toOpenSlo } from './export.ts';

/** The part of a document that is read; the rest is compared afterwards. */
const head = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string().min(1).max(255),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
const sloSpec = z.looseObject({
  description: z.string().optional(),
  service: z.string(),
  timeWindow: z
    .array(z.looseObject({ duration: z.string() }))
    .max(1)
    .optional(),
  budgetingMethod: z.enum(['Occurrences'], {
    error: 'only Occurrences: Posthorn counts events, not slices of time',
  }),
  objectives: z
    .array(z.looseObject({ target: z.number().optional(), targetPercent: z.number().optional() }))
    .min(1),
});
type Spec = z.output<typeof sloSpec>;

export interface Imported {
  readonly slos: readonly NamedSlo[];
  /** What the documents contain and the import does not keep, or keeps in another form: nothing is dropped silently. */
  readonly notes: readonly string[];
  /** Why a document could not be imported. */
  readonly faults: readonly string[];
}

const dayUnits: Readonly<Record<string, number>> = { d: 1, w: 7, M: 30, Q: 90, Y: 365 };
const usualDays = 30;

function parseDays(duration: string | undefined): number {
  if (duration === undefined) return usualDays;
  const [, count, unit] = /^([1-9]\d*)([mhdwMQY])$/.exec(duration) ?? [];
  if (count === undefined) return Number.NaN;
  if (unit === 'm') return Number(count) / 1440;
  return unit === 'h' ? Number(count) / 24 : Number(count) * dayUnits[unit!]!;
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, 63);

const json = (text: string | undefined): unknown => {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

function parseTarget(
  { target, targetPercent }: Spec['objectives'][number],
  kept: string | undefined,
): unknown {
  if (kept === '1' && target === nearlyOne) return 1;
  return target ?? (targetPercent === undefined ? undefined : Number((targetPercent / 100).toPrecision(12)));
}

function candidate(
  spec: Spec,
  annotations: Readonly<Record<string, string>>,
  owners: Owners,
): Record<string, unknown> {
  const kept = (key: string): string | undefined => annotations[annotation(key)];
  const all = {
    objective: kept('objective') ?? 'delivered_within',
    target: parseTarget(spec.objectives[0]!, kept('target')),
    window_days: parseDays(spec.timeWindow?.[0]?.duration),
    event_types: json(kept('event-types')),
    tenant: kept('tenant'),
    endpoint_ids: json(kept('endpoint-ids')),
    producer: kept('producer') ?? owners.producer ?? slug(spec.service),
    consumer: kept('consumer') ?? owners.consumer,
    description: spec.description,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Returns what `before` has and `after` does not, or has changed; the topmost member of each difference. */
function differences(before: unknown, after: unknown, path: string): string[] {
  if (before !== null && after !== null && typeof before === 'object' && typeof after === 'object') {
    const there = after as Record<string, unknown>;
    return Object.entries(before).flatMap(([key, value]) => {
      const at = path === '' ? key : `${path}.${key}`;
      return Object.hasOwn(there, key) ? differences(value, there[key], at) : [`${at} is not kept`];
    });
  }
  return Object.is(before, after) ? [] : [`${path}: ${String(before)} becomes ${String(after)}`];
}

export interface Owners {
  /** Producer for documents that name none; default: the name of their service. */
  readonly producer?: string | undefined;
  /** Consumer for documents that name none; OpenSLO has one service, and Posthorn has two owners. */
  readonly consumer?: string | undefined;
}

/** Validates an objective as the API does when it is declared. */
export type SloCheck = (candidate: unknown) =>
  | { readonly success: true; readonly data: SloDocument }
  | {
      readonly success: false;
      readonly error: {
        readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
      };
    };

/** Converts OpenSLO documents to objectives. Pure; the notes list whatever the objectives do not keep. */
export function fromOpenSlo(documents: readonly unknown[], check: SloCheck, owners: Owners = {}): Imported {
  const faults: string[] = [];
  const slos: NamedSlo[] = [];
  const read: {
    readonly title: string;
    readonly kind: string;
    readonly document: unknown;
    readonly name: string;
  }[] = [];
  for (const [index, document] of documents.flat().entries()) {
    const parsed = head.safeParse(document);
    const where = `document ${index + 1}`;
    if (!parsed.success) {
      faults.push(
        ...parsed.error.issues.map(({ path, message }) => `${where}: ${path.join('.')}: ${message}`),
      );
      continue;
    }
    const { apiVersion, kind, metadata } = parsed.data;
    const title = `${kind} ${metadata.name}`;
    if (apiVersion !== 'openslo/v1') {
      faults.push(`${title}: unsupported apiVersion ${apiVersion}. Use openslo/v1.`);
      continue;
    }
    if (kind !== 'SLO') {
      read.push({ title, kind, document, name: metadata.name });
      continue;
    }
    const spec = sloSpec.safeParse(parsed.data['spec']);
    if (!spec.success) {
      faults.push(
        ...spec.error.issues.map(
          ({ path, message }) => `${title}: ${['spec', ...path].join('.')}: ${message}`,
        ),
      );
      continue;
    }
    const annotations = metadata.annotations ?? {};
    const name = annotations[annotation('name')] ?? slug(metadata.name);
    const made = check(candidate(spec.data, annotations, owners));
    if (made.success) {
      if (slos.some((slo) => slo.name === name)) faults.push(`${title}: duplicate objective name ${name}`);
      else {
        slos.push({ name, ...made.data });
        read.push({ title, kind, document, name });
      }
    } else
      faults.push(
        ...made.error.issues.map(({ path, message }) =>
          path[0] === 'consumer' && owners.consumer === undefined
            ? `${title}: the consumer is missing. Pass --consumer, or set the annotation ${annotation('consumer')}.`
            : `${title}: ${path.join('.')}: ${message}`,
        ),
      );
  }
  return { slos, faults, notes: faults.length > 0 ? [] : read.flatMap((one) => importNotes(one, slos)) };
}

/** A target in percent means the same as a share. */
function inShares(document: unknown): unknown {
  const { spec } = document as { spec: { objectives?: { targetPercent?: number }[] } };
  const [first, ...others] = spec?.objectives ?? [];
  if (first?.targetPercent === undefined) return document;
  const { targetPercent, ...rest } = first;
  const target = Number((targetPercent / 100).toPrecision(12));
  return { ...(document as object), spec: { ...spec, objectives: [{ target, ...rest }, ...others] } };
}

/** Compares a document with what its objectives would be exported as: the difference is lost. */
function importNotes(
  { title, kind, document, name }: { title: string; kind: string; document: unknown; name: string },
  slos: readonly NamedSlo[],
): string[] {
  const again = toOpenSlo(kind === 'SLO' ? slos.filter((slo) => slo.name === name) : slos);
  const same: OpenSloDocument | undefined =
    kind === 'SLO' ? again[0] : again.find((one) => one.kind === kind && one.metadata.name === name);
  if (same === undefined) {
    const why =
      kind === 'SLI'
        ? 'Posthorn measures its objectives itself'
        : kind.startsWith('Alert')
          ? 'Posthorn evaluates its own burn rates and notifies the teams through their channels'
          : 'Posthorn does not have an equivalent';
    return [`${title} is not kept: ${why}`];
  }
  const own = differences(inShares(document), same, '').map((words) => `${title}: ${words}`);
  const spec = (document as { spec?: { timeWindow?: unknown } }).spec;
  return kind === 'SLO' && spec?.timeWindow === undefined
    ? [...own, `${title}: no spec.timeWindow, so ${usualDays} days are assumed`]
    : own;
}
