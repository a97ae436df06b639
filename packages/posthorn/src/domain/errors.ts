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
  override readonly name: string = 'UnavailableError';
}

/** What an operator finds wrong with the store's files or tables. */
export type StoreFault = 'missing' | 'replaced' | 'damaged';

/**
 * The store's files or tables are missing, replaced or damaged: nothing was written, and waiting does not help. The message
 * names the cause and the next step.
 */
export class StoreFaultError extends UnavailableError {
  override readonly name = 'StoreFaultError';
  readonly fault: StoreFault;
  constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** The store cannot be opened as it is: the message names the cause and the next step. */
export class StoreOpenError extends Error {
  override readonly name: string = 'StoreOpenError';
}

/** An event id was used before for another body. `index` is its place in the batch. */
export class EventConflictError extends ConflictError {
  readonly index: number;
  constructor(index: number, id: string) {
    super('event_id_conflict', `event id ${JSON.stringify(id)} was accepted before with another body`);
    this.index = index;
  }
}
