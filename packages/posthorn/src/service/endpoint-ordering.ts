import type { Input } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';

type OrderingFields = Pick<Input<'endpoints.update'>['body'], 'ordering' | 'on_dead'>;

/** How an endpoint keeps the order of keys after a change; without ordering a dead letter blocks nothing. */
export function orderingFrom(
  { ordering, on_dead: onDead }: OrderingFields,
  before: Pick<Endpoint, 'ordering' | 'onDead'>,
): Partial<Pick<Endpoint, 'ordering' | 'onDead'>> {
  const orders = ordering ?? before.ordering;
  if (orders === 'none' && onDead === 'block')
    throw invalid('/on_dead', 'block needs the ordering key: send it too');
  return {
    ...(ordering === undefined ? {} : { ordering }),
    ...(orders === 'none' ? { onDead: 'skip' } : onDead === undefined ? {} : { onDead }),
  };
}
