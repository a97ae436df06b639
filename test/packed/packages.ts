import { execFile } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tempDir } from '../support.ts';

const root = resolve(import.meta.dirname, '../..');
export const packageNames = ['@posthorn/client', 'posthorn', '@posthorn/lab', '@posthorn/audit'] as const;
export type PackageName = (typeof packageNames)[number];

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The environment of a shell outside of a checkout, without anything that makes Node look for source. */
const { NODE_OPTIONS: _, NODE_COMPILE_CACHE: __, ...env } = process.env;
export { env as plainEnv };

/** Runs a command in a folder and waits for its end. */
export function run(cwd: string, command: string, args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(command, args, { cwd, env, maxBuffer: 1e8 }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Runs a command that has to succeed. */
export async function succeed(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await run(cwd, command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${err}${out}`);
  return out;
}

/** Packs every package as `npm publish` would; answers where each archive is. A release gives those that it will publish. */
export async function packAll(): Promise<Record<PackageName, string>> {
  const given = process.env['POSTHORN_TEST_ARCHIVES'];
  const into = tempDir();
  if (given !== undefined) {
    cpSync(given, into, { recursive: true });
    const archiveOf = (name: PackageName): string => {
      const start = `${name.replace('@', '').replace('/', '-')}-`;
      const isIts = (file: string): boolean => file.startsWith(start) && /\d/.test(file.charAt(start.length));
      return join(into, readdirSync(into).find(isIts)!);
    };
    return Object.fromEntries(packageNames.map((name) => [name, archiveOf(name)])) as Record<
      PackageName,
      string
    >;
  }
  const answer = await succeed(root, 'npm', [
    'pack',
    '--json',
    '--pack-destination',
    into,
    ...packageNames.flatMap((name) => ['-w', name]),
  ]);
  // Scripts of npm may print before it.
  const packed: unknown = JSON.parse(answer.slice(answer.search(/^[[{]/m)));
  const files = Object.values(packed as object) as { name: PackageName; filename: string }[];
  return Object.fromEntries(files.map(({ name, filename }) => [name, join(into, filename)])) as Record<
    PackageName,
    string
  >;
}

/** An empty folder with a manifest, as at the start of an application. */
export function newApplication(): string {
  const home = tempDir();
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  return home;
}

/** Installs archives; what they depend on comes from npm's cache where `npm ci` has put it. */
export async function install(home: string, archives: readonly string[]): Promise<void> {
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await succeed(home, 'npm', ['install', ...options, ...archives]);
}

/** What a folder takes on the disk, in KiB, as `du -sk` counts. */
export function kibOf(path: string): number {
  const stats = lstatSync(path);
  const own = stats.blocks / 2;
  return stats.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + kibOf(join(path, name)), own)
    : own;
}

/** Compiles files of an application strictly, declarations of its packages included; answers what the compiler says. */
export async function compile(
  home: string,
  files: Readonly<Record<string, string>>,
  resolution: 'nodenext' | 'bundler',
): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  // Every application in TypeScript has the types of Node.
  const types = join(home, 'node_modules/@types');
  mkdirSync(types, { recursive: true });
  if (!readdirSync(types).includes('node'))
    symlinkSync(join(root, 'node_modules/@types/node'), join(types, 'node'));
  const config = `tsconfig.${resolution}.json`;
  const compilerOptions = {
    module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
    moduleResolution: resolution,
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
  };
  writeFileSync(join(home, config), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  return (await run(home, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config]))
    .out;
}

/** The first block of TypeScript in the guide to embedding, unchanged. */
function embeddingGuide(): string {
  const page = readFileSync(join(root, 'docs/guides/embedding.md'), 'utf8');
  return /```ts\n(.*?)```/s.exec(page)![1]!;
}

/** The same code for a receiver on this machine. */
export function embeddingGuideFor(url: string): string {
  const replaced = embeddingGuide()
    .replace("'https://example.com/hook'", JSON.stringify(url))
    .replace("database: './posthorn-data'", "database: './posthorn-data', allowPrivateNetworks: true");
  if (!replaced.includes(url) || !replaced.includes('allowPrivateNetworks'))
    throw new Error('the guide to embedding has changed: adapt what is replaced in it here');
  return replaced;
}
