import type { Endpoint } from '../domain/endpoint.ts';
import type { ConfigChange, StorePart } from '../store/store.ts';
import { PosthornError } from '../domain/errors.ts';

/** A change that conflicts with other nodes' changes this often in a row is refused. */
const maxTries = 20;
/** Changes that may wait here for their turn. */
const maxWaiting = 1000;

/** What a decision writes, and what it keeps for its answer. */
export interface Decision<T> {
  /** Null: nothing is written. What is written has its entries in the audit log. */
  readonly write: (Omit<ConfigChange, 'version'> & Required<Pick<ConfigChange, 'audit'>>) | null;
  readonly answer: T;
}

/**
 * Read, decide, write: no concurrent change is lost. On one node changes take turns; between nodes the store compares
 * the version that the decision was made from, and the decision is repeated if it is not the newest one.
 */
export class ConfigWriter {
  readonly #store: StorePart<'changeConfig', 'configVersion'>;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: StorePart<'changeConfig', 'configVersion'>) {
    this.#store = store;
  }

  /** `decide` reads everything that it depends on, and may run several times. Whatever it throws refuses the change. */
  async change<T>(
    decide: () => Promise<Decision<T>>,
  ): Promise<{ readonly endpoints: readonly Endpoint[]; readonly answer: T }> {
    if (this.#waiting >= maxWaiting)
      throw new PosthornError('busy', 'Too many configuration changes are waiting. Try again.');
    this.#waiting++;
    const run = this.#turn.then(() => this.#run(decide));
    this.#turn = run.catch(() => {});
    try {
      return await run;
    } finally {
      this.#waiting--;
    }
  }

  async #run<T>(decide: () => Promise<Decision<T>>): Promise<{ endpoints: readonly Endpoint[]; answer: T }> {
    for (let tries = 0; tries < maxTries; tries++) {
      const version = await this.#store.read.configVersion();
      const { write, answer } = await decide();
      if (write === null) return { endpoints: [], answer };
      const endpoints = await this.#store.write.changeConfig({ ...write, version });
      if (endpoints !== null) return { endpoints, answer };
    }
    throw new PosthornError('busy', 'Other nodes keep changing the configuration. Try again.');
  }
}
