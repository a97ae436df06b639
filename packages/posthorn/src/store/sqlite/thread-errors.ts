import {
  ConflictError,
  EventConflictError,
  NotFoundError,
  StoreFaultError,
  StoreOpenError,
  UnavailableError,
} from '../../domain/errors.ts';

/** An error on its way between threads: structured clone would keep its text and forget its class. */
export interface ThreadError {
  /** Place in `classes`; -1 for a class that is not the port's. */
  readonly kind: number;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** What its class carries besides, by name. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Most specific first, because an instance of a subclass is one of its base too. */
const classes = [
  EventConflictError,
  ConflictError,
  NotFoundError,
  StoreFaultError,
  UnavailableError,
  StoreOpenError,
] as const;

export function plainError(thrown: unknown): ThreadError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const fields = Object.fromEntries(
    Object.entries(error).filter(([, value]) => typeof value === 'string' || typeof value === 'number'),
  );
  return {
    kind: classes.findIndex((known) => error instanceof known),
    name: error.name,
    message: error.message,
    stack: error.stack,
    fields,
  };
}

/** The same error on this side: its class, its fields, and the stack of where it was thrown. */
export function revivedError({ kind, name, message, stack, fields }: ThreadError): Error {
  const error = Object.assign(new Error(message), fields, { name });
  if (stack !== undefined) error.stack = stack;
  const known = classes[kind];
  return known === undefined ? error : (Object.setPrototypeOf(error, known.prototype as object) as Error);
}
