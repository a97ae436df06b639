export { type AttemptLine, delivered, parseAttemptLine } from '../logs/attempt-line.ts';
export { isBlank, readLines } from '../logs/lines.ts';
