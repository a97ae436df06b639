/** The identifier was used before for another body: 409. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Nothing by that name: 404. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

/** The store cannot take writes now (disk full, database away, shutting down): 503, nothing was acknowledged. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** An event id was used before for another body. `index` is its place in the batch. */
export class EventConflictError extends ConflictError {
  readonly index: number;
  constructor(index: number, id: string) {
    super('event_id_conflict', `event id ${JSON.stringify(id)} was accepted before with another body`);
    this.index = index;
  }
}
