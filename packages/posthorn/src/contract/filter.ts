import { z } from 'zod';
import type { Filter } from '../domain/filter.ts';
import { filterFaults, filterLimits } from '../domain/filter-faults.ts';

/** As far as JSON Schema says it: the rest is in the description, and checked. */
const jsonSchema = {
  type: 'object',
  additionalProperties: {
    anyOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'object', additionalProperties: {} },
      { type: 'array', items: { type: 'object', additionalProperties: {} } },
    ],
  },
} as const;

/** Which events an endpoint gets, by their data. */
export const filter = z
  .custom<Filter>()
  .superRefine((value, context) => {
    for (const { path, message } of filterFaults(value))
      context.addIssue({ code: 'custom', path: [...path], message });
  })
  .meta({
    id: 'Filter',
    ...jsonSchema,
    description: `Conditions on the data, all of which must hold. A JSON Pointer names a value: \`{"/currency": "eur"}\` (equality) or \`{"/amount": {"gte": 1000, "lt": 5000}}\` with the operators eq, gt, gte, lt, lte, in, exists and prefix. \`all\` and \`any\` take lists of filters, \`not\` takes one. At most ${filterLimits.values} values and ${filterLimits.depth} levels.`,
  });
