import { deliveryStates } from '../../domain/delivery.ts';
import type { RedriveListings } from '../operations.ts';
import { type Cold, separately } from './methods.ts';
import { isAnyOf, table } from './pieces.ts';
import { sql } from './sql.ts';
import { rows } from './steps.ts';

export const redriveListings: Cold<RedriveListings> = {
  redriveOutcomes: separately(function* (ids) {
    const found = yield* rows(
      sql`SELECT d.redrive_id, d.state, count(*) FROM ${table('deliveries')} d
        WHERE d.redrive_id IS NOT NULL AND ${isAnyOf('d.redrive_id', ids, 'text')} GROUP BY d.redrive_id, d.state`,
    );
    const byId = Map.groupBy(found, ([id]) => id);
    return ids.map((id) => ({
      id,
      states: Object.fromEntries(
        (byId.get(id) ?? []).map(([, state, count]) => [deliveryStates[state as number]!, count as number]),
      ),
    }));
  }),
};
