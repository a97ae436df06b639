import { corruptMessage, dataDeletedMessage } from '../domain/attempt.ts';
import { ConflictError } from '../domain/errors.ts';
import type { EventIntegrity } from '../domain/event.ts';

/** Whether an event can be sent again: it is what was accepted, as far as its digest can say. */
export const isSendable = (integrity: EventIntegrity): boolean =>
  integrity !== 'corrupt' && integrity !== 'deleted';

/** Throws `ConflictError`, which says why, if an event cannot be sent again. */
export function refuseUnsendable({ integrity }: { readonly integrity: EventIntegrity }): void {
  if (integrity === 'corrupt') throw new ConflictError('event_corrupt', corruptMessage);
  if (integrity === 'deleted') throw new ConflictError('event_data_deleted', dataDeletedMessage);
}
