import type { Clock } from './clock.ts';

/** After this long without another tenant, one has everything to itself again. */
const rememberMs = 1000;

/**
 * Whether several tenants are active. One tenant alone has large commits, claims and turns, which cost least; as soon as
 * others are active too, everything that they wait for is short, so that none waits long behind the flood of another (G8).
 */
export class Sharing {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #lastTenant = '';
  #sharedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Records that this tenant publishes, or that an attempt of it begins. */
  note(tenant: string): void {
    if (tenant === this.#lastTenant) return;
    // The first tenant is alone.
    if (this.#lastTenant !== '') this.#sharedAt = this.#clock.monotonic();
    this.#lastTenant = tenant;
  }

  get isShared(): boolean {
    return this.#clock.monotonic() - this.#sharedAt <= rememberMs;
  }
}
