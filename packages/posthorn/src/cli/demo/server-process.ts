import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../bin/posthorn.js', import.meta.url));
const maxStartMs = 60_000;

/** A real `posthorn serve` in a separate process; resolves when it listens. */
export async function startServer(options: {
  port: number;
  dataDir: string;
  apiKey: string;
}): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      script,
      'serve',
      '--port',
      String(options.port),
      '--data-dir',
      options.dataDir,
      '--allow-private-networks',
      '--log-level',
      'error',
      '--json',
    ],
    { env: { ...process.env, POSTHORN_API_KEY: options.apiKey }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server did not start within a minute')), maxStartMs);
    child.stdout.once('data', () => resolve());
    child.once('exit', (code, signal) =>
      reject(new Error(`the server ended while starting (${signal ?? code})`)),
    );
    child.once('spawn', () => timer.unref());
  });
  child.removeAllListeners('exit');
  return child;
}

export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await ended;
}
