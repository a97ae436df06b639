import { matchesShape, type OperationId, operations, toWire } from '@posthorn/client/operations';

/** The answer of an operation in wire names, as `--json` prints it. */
export function wireAnswer(id: OperationId, answer: unknown): unknown {
  const { answer: shape } = operations[id];
  return shape === undefined || shape === 'text' ? answer : toWire(shape, answer);
}

/** Returns whether this is an answer of the operation, and not of another service that answers with 2xx and JSON (G5). */
export function isAnswerOf(id: OperationId, value: unknown): boolean {
  const { answer: shape } = operations[id];
  return shape !== undefined && shape !== 'text' && matchesShape(shape, value);
}
