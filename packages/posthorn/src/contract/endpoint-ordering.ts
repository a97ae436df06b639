import { z } from 'zod';
import { onDeadChoices } from '../domain/ordering.ts';
import { count } from './fields.ts';

// Settings and fields of endpoints that keep the order of keys.

export const orderingSettings = {
  ordering: z
    .enum(['none', 'key'])
    .describe('`key`: events with the same ordering key are delivered one after the other.'),
  on_dead: z
    .enum(onDeadChoices)
    .describe(
      'What a dead letter does to later deliveries of its ordering key. `skip`: they continue without it. `block`, only with the ordering `key`: they wait until it is redriven and delivered, or cancelled.',
    ),
};

export const orderingFields = {
  ordering: z.enum(['none', 'key']),
  on_dead: z.enum(onDeadChoices),
  blocked_keys: count.describe(
    'Ordering keys that a dead letter blocks (`on_dead: block`), counted up to 1,000.',
  ),
};
