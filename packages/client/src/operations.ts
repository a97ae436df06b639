// The operations as the client reads them when it runs: for the library `posthorn`, whose calls have the same names and types
// without HTTP, and for its command line, which prints what the wire says.
export { callersPath, type WireInput, wireInput } from './call.ts';
export { operations } from './generated/operations.ts';
export type { Operation } from './operation.ts';
export { type Call, createApi } from './resources.ts';
export { fromWire, isOf, type Shape, toWire } from './shape.ts';
