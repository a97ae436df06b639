import type { Plan, Spell } from './plan.ts';
import { type LabEndpoint, type NetworkFault, networkFaults, type Scenario } from './scenario.ts';
import { drawnAt, normalQuantile } from 'posthorn/runtime';

/** What becomes of one request, as the network and the receiver decide; times in ms after it was sent. */
export interface Exchange {
  /** When the receiver has processed it; null: never. */
  readonly processedAfter: number | null;
  /** When the sender hears of it, if it still listens. */
  readonly answeredAfter: number;
  readonly status: number | null;
  readonly error: 'reset' | 'connect' | 'dns' | null;
  readonly retryAfterS: number | null;
  readonly fault: NetworkFault | 'outage' | 'overload' | 'poison' | null;
}

const ok = { status: 200, error: null, retryAfterS: null, fault: null } as const;

/**
 * The network and the receivers. What happens to an attempt depends on the seed, the payment, the endpoint and the
 * attempt's number alone, so every sender meets the same network, and taking something away changes nothing else.
 */
export class Network {
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #spells: readonly (readonly Spell[])[];
  readonly #shares: readonly Readonly<Partial<Record<NetworkFault, number>>>[];
  readonly #second: { at: number; requests: number }[];
  readonly #latency: (u: number) => number;
  readonly faults: Record<string, number> = {};
  /** All faults end when the world's time of trouble is over. */
  healed = false;

  constructor(scenario: Scenario, plan: Plan) {
    this.#scenario = scenario;
    this.#seed = plan.seed;
    this.#spells = scenario.endpoints.map((_, index) =>
      plan.spells.filter(({ endpoint }) => endpoint === index),
    );
    this.#shares = scenario.endpoints.map(({ faults }) => faults ?? scenario.network.faults);
    this.#second = scenario.endpoints.map(() => ({ at: -1, requests: 0 }));
    const { latency_ms: latency } = scenario.network;
    if (Array.isArray(latency)) {
      this.#latency = (u) => {
        const at = u * (latency.length - 1);
        const low = Math.floor(at);
        return latency[low]! + (at - low) * ((latency[low + 1] ?? latency[low]!) - latency[low]!);
      };
    } else {
      const mu = Math.log(latency.p50);
      const sigma = Math.max(0, Math.log(latency.p99 / latency.p50)) / normalQuantile(0.99);
      // A table is enough, and fast.
      const quantiles = Float64Array.from({ length: 2000 }, (_, n) =>
        Math.exp(mu + sigma * normalQuantile((n + 0.5) / 2000)),
      );
      this.#latency = (u) => quantiles[Math.floor(u * 2000)]!;
    }
  }

  /** `elapsed` is ms since the world began; `attempt` counts this sender's attempts of this payment at this endpoint. */
  exchange(endpoint: number, payment: number, attempt: number, elapsed: number): Exchange {
    const of = this.#scenario.endpoints[endpoint]!;
    const draw = (what: number): number => drawnAt(this.#seed + what, endpoint, payment, attempt);
    const latency = this.#latency(draw(1));
    if (of.poison_every !== null && payment % of.poison_every === of.poison_every - 1)
      return this.#noted({
        ...ok,
        processedAfter: null,
        answeredAfter: latency,
        status: 400,
        fault: 'poison',
      });
    if (!this.healed && of.capacity_per_s !== null && this.#overloaded(endpoint, of.capacity_per_s, elapsed))
      return this.#noted({
        ...ok,
        processedAfter: null,
        answeredAfter: 5,
        status: 503,
        retryAfterS: 1,
        fault: 'overload',
      });
    let factor = 1;
    for (const spell of this.#spells[endpoint]!) {
      if (this.healed || elapsed < spell.from || elapsed >= spell.until) continue;
      if (spell.kind === 'degraded') factor = Math.max(factor, spell.factor);
      else
        return this.#noted(
          draw(2) < 0.5
            ? {
                ...ok,
                processedAfter: null,
                answeredAfter: 2,
                status: null,
                error: 'connect',
                fault: 'outage',
              }
            : { ...ok, processedAfter: null, answeredAfter: latency, status: 503, fault: 'outage' },
        );
    }
    const fault = this.healed ? null : this.#faultOf(endpoint, draw(3), factor);
    if (fault === null) return { ...ok, processedAfter: latency * 0.8, answeredAfter: latency };
    return this.#noted(this.#faulty(fault, of, latency, draw));
  }

  #faulty(fault: NetworkFault, of: LabEndpoint, latency: number, draw: (what: number) => number): Exchange {
    const cut = this.#scenario.network.cut_after_s * 1000;
    const none = { ...ok, processedAfter: null, answeredAfter: latency, status: null, fault };
    const later = latency + 1000 * 30 ** draw(4);
    switch (fault) {
      case 'slow':
        return { ...ok, processedAfter: later * 0.9, answeredAfter: later, fault };
      case 'hang':
        // It is not worked on; a balancer in between cuts it after about its own time.
        return { ...none, answeredAfter: cut * (0.1 + 0.9 * draw(4)), error: 'reset' };
      case 'late_answer':
        return {
          ...ok,
          processedAfter: latency,
          answeredAfter: of.timeout_s * 1000 * (0.9 + 2 * draw(4)),
          fault,
        };
      case 'reset_before':
        return { ...none, error: 'reset' };
      case 'reset_after':
        return { ...none, processedAfter: latency * 0.8, error: 'reset' };
      case 'refused':
        return { ...none, answeredAfter: 2, error: 'connect' };
      case 'dns':
        return { ...none, answeredAfter: 20, error: 'dns' };
      case 'http_500':
        return { ...none, status: 500 };
      case 'http_400':
        return { ...none, status: 400 };
      case 'rate_limited':
        return { ...none, answeredAfter: 5, status: 429, retryAfterS: Math.ceil(20 * draw(4)) };
      case 'gone':
        return { ...none, status: 410 };
    }
  }

  #noted(exchange: Exchange): Exchange {
    if (exchange.fault !== null) this.faults[exchange.fault] = (this.faults[exchange.fault] ?? 0) + 1;
    return exchange;
  }

  #faultOf(endpoint: number, u: number, factor: number): NetworkFault | null {
    const shares = this.#shares[endpoint]!;
    let below = 0;
    for (const fault of networkFaults) {
      below += Math.min(0.9, (shares[fault] ?? 0) * factor);
      if (u < below) return fault;
    }
    return null;
  }

  #overloaded(endpoint: number, capacity: number, elapsed: number): boolean {
    const second = this.#second[endpoint]!;
    const now = Math.floor(elapsed / 1000);
    if (second.at !== now) {
      second.at = now;
      second.requests = 0;
    }
    return ++second.requests > capacity;
  }
}
