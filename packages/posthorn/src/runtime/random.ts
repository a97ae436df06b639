import { randomBytes } from 'node:crypto';

/** Randomness, injected: a seed decides everything in the lab. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  bytes(n: number): Uint8Array;
}

export const systemRandom: Random = {
  float: () => Math.random(),
  bytes: (n) => randomBytes(n),
};
