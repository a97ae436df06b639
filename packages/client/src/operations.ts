// The operations as the client reads them at run time: for the library `posthorn`, whose calls have the same names and
// types without HTTP, and for its command line, which prints the wire form.
export { callersNames, queryValues, wireInput } from './call.ts';
export type { Api, OperationId } from './generated/api.ts';
export { operations } from './generated/operations.ts';
export type { Operation } from './operation.ts';
export { createApi } from './resources.ts';
export { fromWire, matchesShape, toWire } from './shape.ts';
