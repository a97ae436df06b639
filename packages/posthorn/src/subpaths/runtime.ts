export { type Clock, nodeClock, systemClock } from '../runtime/clock.ts';
export type { Logger } from '../runtime/logger.ts';
export type { Random } from '../runtime/random.ts';
export { drawnAt, hashText, normalQuantile, SeededRandom } from '../runtime/seeded-random.ts';
export { VirtualTime } from '../runtime/virtual-time.ts';
