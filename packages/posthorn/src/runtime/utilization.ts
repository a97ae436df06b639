import { performance } from 'node:perf_hooks';

/** How busy this thread was since the last call: 0 to 1. */
export type Utilization = () => number;

export function threadUtilization(): Utilization {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
