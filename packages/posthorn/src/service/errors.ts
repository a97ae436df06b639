import {
  ConflictError,
  EventConflictError,
  NotFoundError,
  PosthornError,
  StoreFaultError,
  UnavailableError,
} from '../domain/errors.ts';

/** `path`: path of the event in the request. */
export function eventConflict({ code, message }: EventConflictError, path: string): PosthornError {
  return new PosthornError(code, message, [
    { path: `${path}/id`, message: 'was used before for another body' },
  ]);
}

/** What a caller may know about a thrown error; null: an internal error, which stays hidden. */
export function toPosthornError(error: unknown): PosthornError | null {
  if (error instanceof PosthornError) return error;
  if (error instanceof EventConflictError) return eventConflict(error, `/events/${error.index}`);
  if (error instanceof ConflictError) return new PosthornError(error.code, error.message);
  if (error instanceof NotFoundError) return new PosthornError('not_found', error.message);
  if (error instanceof StoreFaultError)
    return new PosthornError(
      'unavailable',
      `nothing was stored: the files of the store are ${error.fault}, and an operator has to act`,
    );
  if (error instanceof UnavailableError)
    return new PosthornError('unavailable', 'nothing was stored; try again');
  return null;
}
