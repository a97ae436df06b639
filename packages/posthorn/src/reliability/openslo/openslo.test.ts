import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { sloDocument } from '../../contract/slos.ts';
import type { NamedSlo } from '../../domain/objective.ts';
import { type OpenSloDocument, rfcName } from './documents.ts';
import { toOpenSlo } from './export.ts';
import { fromOpenSlo, type SloCheck } from './import.ts';

// The rules of the OpenSLO v1 specification and of its JSON schema, for the kinds that are made here.
const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
const text = z.string().max(1050);
const duration = z.string().regex(/^[1-9][0-9]*[mhdwMQY]$/);
const metadata = z.strictObject({
  name,
  displayName: z.string().min(1).optional(),
  annotations: z
    .record(
      z
        .string()
        .regex(
          /^(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]\/)?[a-zA-Z0-9]([\w.-]{0,61}[a-zA-Z0-9])?$/,
        ),
      z.string(),
    )
    .optional(),
});
const source = z.strictObject({
  metricSource: z.strictObject({ type: z.string(), spec: z.record(z.string(), z.unknown()) }),
});
const kind = <K extends string, S extends z.ZodType>(of: K, spec: S) =>
  z.strictObject({ apiVersion: z.literal('openslo/v1'), kind: z.literal(of), metadata, spec });
const openSlo = z.discriminatedUnion('kind', [
  kind(
    'SLO',
    z.strictObject({
      description: text.optional(),
      service: name,
      indicatorRef: name,
      timeWindow: z.array(z.strictObject({ duration, isRolling: z.literal(true) })).length(1),
      budgetingMethod: z.enum(['Occurrences', 'Timeslices']),
      objectives: z.array(z.strictObject({ target: z.number().min(0).lt(1) })).length(1),
      alertPolicies: z
        .array(z.strictObject({ alertPolicyRef: name }))
        .min(1)
        .optional(),
    }),
  ),
  kind(
    'SLI',
    z.strictObject({
      description: text.optional(),
      ratioMetric: z.strictObject({ counter: z.boolean(), good: source, total: source }),
    }),
  ),
  kind(
    'AlertPolicy',
    z.strictObject({
      description: text.optional(),
      alertWhenBreaching: z.boolean(),
      alertWhenResolved: z.boolean(),
      alertWhenNoData: z.boolean(),
      conditions: z.array(z.strictObject({ conditionRef: name })).length(1),
      notificationTargets: z.array(z.strictObject({ targetRef: name })).min(1),
    }),
  ),
  kind(
    'AlertCondition',
    z.strictObject({
      severity: z.string().min(1),
      condition: z.strictObject({
        kind: z.literal('burnrate'),
        threshold: z.number(),
        lookbackWindow: duration,
        alertAfter: duration,
      }),
    }),
  ),
  kind('AlertNotificationTarget', z.strictObject({ description: text, target: z.string().min(1) })),
]);

const ownName = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const ofSize = <T>(items: fc.Arbitrary<T>) => fc.array(items, { minLength: 1, maxLength: 4 });
const check: SloCheck = (candidate) => sloDocument.safeParse(candidate);

const anSlo: fc.Arbitrary<NamedSlo> = fc
  .record(
    {
      name: ownName,
      objective: fc.constantFrom('delivered_within' as const, 'accounted' as const),
      target: fc.oneof(fc.double({ min: 0.5, max: 0.99999, noNaN: true }), fc.constantFrom(1, 0.999)),
      window_days: fc.integer({ min: 1, max: 366 }),
      event_types: ofSize(fc.constantFrom('*', 'payment.*', 'payment.succeeded', 'a_b.c-d')),
      tenant: fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/),
      endpoint_ids: ofSize(fc.string({ minLength: 1, maxLength: 64 })),
      producer: ownName,
      consumer: ownName,
      description: fc.string({ maxLength: 1024 }),
    },
    { requiredKeys: ['name', 'objective', 'target', 'window_days', 'producer', 'consumer'] },
  )
  .map(({ name: own, ...slo }) => ({ own, read: sloDocument.safeParse(slo) }))
  .filter(({ read }) => read.success)
  .map(({ own, read }) => ({ name: own, ...read.data! }));
const slos = fc.uniqueArray(anSlo, { selector: (slo) => slo.name, minLength: 1, maxLength: 4 });

const aForeign = (spec: object = {}, meta: object = {}): object => ({
  apiVersion: 'openslo/v1',
  kind: 'SLO',
  metadata: { name: 'checkout', ...meta },
  spec: {
    service: 'shop',
    indicatorRef: 'checkout-ratio',
    timeWindow: [{ duration: '28d', isRolling: true }],
    budgetingMethod: 'Occurrences',
    objectives: [{ target: 0.995 }],
    ...spec,
  },
});

describe('OpenSLO', () => {
  test('whatever is exported is valid, names what is there, and comes back as it was', () => {
    fc.assert(
      fc.property(slos, (given) => {
        const documents = toOpenSlo(given);
        for (const document of documents) openSlo.parse(document);
        const of = (kindOf: string): Set<string> =>
          new Set(documents.filter((one) => one.kind === kindOf).map((one) => one.metadata.name));
        const refs = (member: string): string[] =>
          [...JSON.stringify(documents).matchAll(new RegExp(`"${member}":"([^"]+)"`, 'g'))].map(
            ([, ref]) => ref!,
          );
        for (const ref of refs('indicatorRef')) expect(of('SLI')).toContain(ref);
        for (const ref of refs('alertPolicyRef')) expect(of('AlertPolicy')).toContain(ref);
        for (const ref of refs('conditionRef')) expect(of('AlertCondition')).toContain(ref);
        for (const ref of refs('targetRef')) expect(of('AlertNotificationTarget')).toContain(ref);
        expect(documents.filter((one) => one.kind === 'SLO')).toHaveLength(of('SLO').size);

        expect(fromOpenSlo(JSON.parse(JSON.stringify(documents)) as unknown[], check)).toEqual({
          slos: given,
          notes: [],
          faults: [],
        });
      }),
      { numRuns: 100 },
    );
  });

  test('whatever is added to a document is reported', () => {
    fc.assert(
      fc.property(slos, fc.nat(), fc.nat(), (given, which, where) => {
        const documents = structuredClone(toOpenSlo(given)) as OpenSloDocument[];
        const document = documents[which % documents.length]!;
        const places: object[] = [];
        const walk = (value: unknown): void => {
          if (value === null || typeof value !== 'object') return;
          if (!Array.isArray(value)) places.push(value);
          for (const inner of Object.values(value)) walk(inner);
        };
        walk(document);
        Object.assign(places[where % places.length]!, { addition: 'x' });
        const { notes, faults } = fromOpenSlo(documents, check);
        expect(faults).toEqual([]);
        expect(notes).toEqual([expect.stringMatching(/^\w+ \S+: (\S+\.)?addition is not kept$/)]);
      }),
      { numRuns: 100 },
    );
  });

  test('a document of another maker becomes an objective, and what is lost is said', () => {
    const {
      slos: made,
      notes,
      faults,
    } = fromOpenSlo(
      [
        aForeign(
          {
            timeWindow: [{ duration: '4w', isRolling: true }],
            objectives: [{ displayName: 'Good', targetPercent: 99.5 }],
          },
          { displayName: 'Checkout', labels: { tier: '1' } },
        ),
        { apiVersion: 'openslo/v1', kind: 'Service', metadata: { name: 'shop' }, spec: {} },
      ],
      check,
      { consumer: 'orders' },
    );
    expect(faults).toEqual([]);
    expect(made).toEqual([
      {
        name: 'checkout',
        objective: 'delivered_within',
        target: 0.995,
        window_days: 28,
        description: '',
        event_types: ['*'],
        endpoint_ids: [],
        producer: 'shop',
        consumer: 'orders',
      },
    ]);
    expect(notes).toEqual([
      'SLO checkout: metadata.displayName is not kept',
      'SLO checkout: metadata.labels is not kept',
      'SLO checkout: spec.indicatorRef: checkout-ratio becomes checkout',
      'SLO checkout: spec.timeWindow.0.duration: 4w becomes 28d',
      'SLO checkout: spec.objectives.0.displayName is not kept',
      'Service shop is not kept: Posthorn does not have an equivalent',
    ]);
  });

  test.each<[string, object, RegExp]>([
    ['no consumer is given', aForeign(), /Pass --consumer/],
    ['slices of time', aForeign({ budgetingMethod: 'Timeslices' }), /only Occurrences/],
    ['no target', aForeign({ objectives: [{}] }), /target/],
    ['a calendar of minutes', aForeign({ timeWindow: [{ duration: '90m' }] }), /window_days/],
    ['another version', { ...aForeign(), apiVersion: 'openslo/v1alpha' }, /Use openslo\/v1/],
    ['no document', { kind: 'SLO' }, /document 1: apiVersion/],
  ])('%s is refused', (_, document, words) => {
    const { faults } = fromOpenSlo(
      [document],
      check,
      words.source.includes('consumer') ? {} : { consumer: 'c' },
    );
    expect(faults.join('\n')).toMatch(words);
  });

  test('two documents of one name are refused, and lists within documents are read', () => {
    expect(fromOpenSlo([[aForeign(), aForeign()]], check, { consumer: 'c' }).faults).toEqual([
      'SLO checkout: duplicate objective name checkout',
    ]);
  });
});

test('names that are none by RFC 1123 become names, and different ones stay different', () => {
  expect(rfcName('payments')).toBe('payments');
  const long = 'a'.repeat(70);
  for (const odd of ['a-', 'A.b', '-', 'é', long])
    expect(rfcName(odd)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  expect(rfcName(`${long}b`)).not.toBe(rfcName(`${long}c`));
});
