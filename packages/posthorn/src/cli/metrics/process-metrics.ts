import { readdirSync, readFileSync } from 'node:fs';
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceNodeEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import type { Cell, Registry } from './registry.ts';

const delayResolutionMs = 10;
const gcBuckets = [0.001, 0.01, 0.1, 1, 2, 5];
const gcKinds = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** What Linux reports about this process; null on other systems. */
function descriptors(): { readonly open: number; readonly max: number } | null {
  try {
    // One of them is the directory that is being read.
    const open = readdirSync('/proc/self/fd').length - 1;
    const max = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return { open, max: Number(max ?? Number.POSITIVE_INFINITY) };
  } catch {
    return null;
  }
}

/**
 * Memory, processor, event loop and garbage collection of this process, with the names that Prometheus clients for Node
 * use; returns what updates them.
 */
export function processMetrics(registry: Registry, startedAt: number): () => void {
  const gauge = (name: string, help: string): Cell => registry.gauge({ name, help }).at({});
  const counter = (name: string, help: string): Cell => registry.counter({ name, help }).at({});
  const user = counter('process_cpu_user_seconds_total', 'User processor time');
  const system = counter('process_cpu_system_seconds_total', 'System processor time');
  const cpu = counter('process_cpu_seconds_total', 'User and system processor time');
  gauge('process_start_time_seconds', 'When the process started').value = startedAt / 1000;
  const resident = gauge('process_resident_memory_bytes', 'Resident memory');
  const openFiles = registry.gauge({ name: 'process_open_fds', help: 'Open file descriptors' });
  const maxFiles = registry.gauge({ name: 'process_max_fds', help: 'Limit of open file descriptors' });
  const lag = {
    mean: gauge('nodejs_eventloop_lag_mean_seconds', 'Mean delay of the event loop since the last scrape'),
    max: gauge('nodejs_eventloop_lag_max_seconds', 'Longest delay of the event loop since the last scrape'),
    p50: gauge('nodejs_eventloop_lag_p50_seconds', 'Median delay of the event loop since the last scrape'),
    p90: gauge('nodejs_eventloop_lag_p90_seconds', '90th percentile of the delay of the event loop'),
    p99: gauge('nodejs_eventloop_lag_p99_seconds', '99th percentile of the delay of the event loop'),
  };
  const heapTotal = gauge('nodejs_heap_size_total_bytes', 'Size of the heap');
  const heapUsed = gauge('nodejs_heap_size_used_bytes', 'Used part of the heap');
  const external = gauge('nodejs_external_memory_bytes', 'Memory of C++ objects bound to JavaScript objects');
  const collections = registry.histogram(
    {
      name: 'nodejs_gc_duration_seconds',
      help: 'Duration of garbage collections, by kind',
      labels: ['kind'],
    },
    gcBuckets,
  );
  registry
    .gauge({ name: 'nodejs_version_info', help: 'Version of Node', labels: ['version'] })
    .at({ version: process.version }).value = 1;

  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as PerformanceNodeEntry[]) {
      const kind = gcKinds.get(detail.kind);
      if (kind !== undefined) collections.at({ kind }).observe(duration / 1000);
    }
  }).observe({ entryTypes: ['gc'] });

  return () => {
    const usage = process.cpuUsage();
    user.value = usage.user / 1e6;
    system.value = usage.system / 1e6;
    cpu.value = (usage.user + usage.system) / 1e6;
    const memory = process.memoryUsage();
    resident.value = memory.rss;
    heapTotal.value = memory.heapTotal;
    heapUsed.value = memory.heapUsed;
    external.value = memory.external;
    const files = descriptors();
    if (files !== null) {
      openFiles.at({}).value = files.open;
      maxFiles.at({}).value = files.max;
    }
    const seconds = (nanoseconds: number): number => (delay.count === 0 ? 0 : nanoseconds / 1e9);
    lag.mean.value = seconds(delay.mean);
    lag.max.value = seconds(delay.max);
    lag.p50.value = seconds(delay.percentile(50));
    lag.p90.value = seconds(delay.percentile(90));
    lag.p99.value = seconds(delay.percentile(99));
    delay.reset();
  };
}
