import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Checks deploy/ with the tools on this machine: `npm run check:deploy`. Builds the image's file tree with the script of the
// Containerfile, makes it read-only, and has it deliver an event; renders the Kubernetes files; verifies the systemd unit.

const root = new URL('..', import.meta.url).pathname;
const isThere = (command: string): boolean => spawnSync('which', [command]).status === 0;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const directory = mkdtempSync(join(tmpdir(), 'posthorn-deploy-'));

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function runTree(): Promise<void> {
  const tree = join(directory, 'app');
  execFileSync('sh', ['deploy/container/build.sh', tree], { cwd: root, stdio: 'inherit' });
  execFileSync('chmod', ['-R', 'a-w', tree]);
  let received = 0;
  const receiver = createServer((_, response) => {
    received++;
    response.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port: hook } = receiver.address() as AddressInfo;
  const port = hook === 65_535 ? hook - 1 : hook + 1;
  const key = 'phk_check_0123456789abcdef';
  const server = spawn(
    join(tree, 'bin/posthorn'),
    ['serve', '--allow-private-networks', '--log-level', 'error'],
    {
      env: {
        ...process.env,
        POSTHORN_API_KEY: key,
        POSTHORN_PORT: String(port),
        POSTHORN_DATA_DIR: join(directory, 'data'),
      },
      stdio: 'ignore',
    },
  );
  try {
    const url = `http://127.0.0.1:${port}`;
    const post = async (path: string, body: object): Promise<void> => {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    };
    await until('the node is ready', async () => (await fetch(`${url}/readyz`)).ok);
    await post('/v1/endpoints', { url: `http://127.0.0.1:${hook}/` });
    await post('/v1/events', { type: 'payment.succeeded', data: {} });
    await until('the event arrived', async () => received > 0);
    const page = await fetch(`${url}/`);
    if (!(await page.text()).includes('<script')) throw new Error('the dashboard is not served');
    const exit = new Promise<number | null>((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    if ((await exit) !== 0) throw new Error('it did not stop with 0');
    say('image: its file tree, read-only, starts, delivers, serves the dashboard and stops');
  } finally {
    server.kill('SIGKILL');
    receiver.close();
  }
}

/** What the proxies themselves say of their files. */
function checkProxies(): void {
  if (isThere('caddy')) {
    for (const file of ['deploy/proxy/Caddyfile', 'deploy/compose/Caddyfile'])
      execFileSync('caddy', ['validate', '--adapter', 'caddyfile', '--config', file], {
        cwd: root,
        stdio: 'pipe',
      });
    say('Caddy: both files are valid');
  } else say('Caddy: skipped, caddy is missing');
  if (isThere('nginx') && isThere('openssl')) {
    const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
    execFileSync(
      'openssl',
      [
        ...'req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost'.split(' '),
        '-keyout',
        key,
        '-out',
        certificate,
      ],
      { stdio: 'ignore' },
    );
    const site = readFileSync(join(root, 'deploy/proxy/nginx.conf'), 'utf8')
      .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate};`)
      .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${key};`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${name};`)
      .join(' ');
    const file = join(directory, 'nginx.conf');
    writeFileSync(
      file,
      `pid nginx.pid; error_log stderr; events {} http { access_log off; ${temporary} ${site} }`,
    );
    execFileSync('nginx', ['-t', '-q', '-p', directory, '-c', file], { stdio: 'inherit' });
    say('nginx: the file is valid');
  } else say('nginx: skipped, nginx or openssl is missing');
}

try {
  await runTree();
  if (isThere('kubectl')) {
    const rendered = execFileSync('kubectl', ['kustomize', 'deploy/kubernetes'], {
      cwd: root,
      encoding: 'utf8',
    });
    if (!rendered.includes('kind: PodDisruptionBudget'))
      throw new Error('kubectl rendered no disruption budget');
    say('kubernetes: rendered by kubectl kustomize');
  } else say('kubernetes: skipped, kubectl is missing');
  if (isThere('systemd-analyze')) {
    const { stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', join(root, 'deploy/systemd/posthorn.service')],
      { encoding: 'utf8' },
    );
    const faults = `${stdout}${stderr}`
      .split('\n')
      // It is not installed here.
      .filter((line) => line.includes('posthorn.service') && !line.includes('is not executable'));
    if (faults.length > 0) throw new Error(faults.join('\n'));
    say('systemd: the unit is verified');
  } else say('systemd: skipped, systemd-analyze is missing');
  checkProxies();
  say('compose: skipped, it needs a container engine');
} finally {
  execFileSync('chmod', ['-R', 'u+w', directory]);
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
}
