import { vi } from 'vitest';
import { main } from '../../packages/posthorn/src/cli/main.ts';

/** A command in this process: the same code as in one of its own, without the second that a process takes to begin. */
export async function runHere(
  ...args: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const keep =
    (to: 'out' | 'err') =>
    (text: string | Uint8Array): boolean => {
      written[to] += String(text);
      return true;
    };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('err')),
  ];
  const listeners = process.stdout.listeners('error');
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await main([process.execPath, 'posthorn', ...args]);
    return { code: Number(process.exitCode), ...written };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
    for (const listener of process.stdout.listeners('error'))
      if (!listeners.includes(listener)) process.stdout.off('error', listener as () => void);
  }
}
