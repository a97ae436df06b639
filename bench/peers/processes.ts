import { readdirSync, readFileSync } from 'node:fs';

// What processes and all their children use, from /proc. Linux only.

const ticksPerS = 100;

function childrenOf(pid: number): number[] {
  const parents = readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? fileIn(Number(name), 'stat') : '';
    return stat === '' ? [] : [{ pid: Number(name), parent: Number(afterName(stat)[1]) }];
  });
  const found = [pid];
  for (const one of found) found.push(...parents.filter(({ parent }) => parent === one).map((p) => p.pid));
  return found;
}

function fileIn(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** The fields of `stat` after the name, which may hold anything. */
const afterName = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

/** Processor seconds of the processes and their children, ended ones included. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids)
    for (const [n, one] of childrenOf(pid).entries()) {
      const fields = afterName(fileIn(one, 'stat'));
      // utime and stime; of the first also those of its children that have ended.
      for (const at of n === 0 ? [11, 12, 13, 14] : [11, 12]) ticks += Number(fields[at] ?? 0);
    }
  return ticks / ticksPerS;
}

/** Memory in MB: what is shared counts once. */
export function memoryMb(pids: readonly number[]): number {
  const all = pids.flatMap(childrenOf);
  const kb = all.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(fileIn(pid, 'smaps_rollup'))?.[1] ?? 0));
  return kb.reduce((sum, one) => sum + one, 0) / 1024;
}
