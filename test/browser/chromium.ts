import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

// Chromium as a package of npm: it is unpacked once into a cache beside the packages, and needs no network.

const library = fileURLToPath(import.meta.resolve('@sparticuz/chromium'));
const archives = join(dirname(library), '..', 'bin');
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

/** The package unpacks into the folder for temporary files, and takes what another process has half written there for whole. */
const unpackScript = `
  import { inflate } from ${JSON.stringify(library)};
  for (const name of ['chromium', 'fonts.tar', 'swiftshader.tar', 'al2023.tar'])
    await inflate(${JSON.stringify(archives)} + '/' + name + '.br');`;

/** The fonts of the machine, and one that is always there; the package's own configuration names folders of a cloud. */
const fontConfig = (home: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${home}/fonts/fonts</dir>
  <cachedir>${home}/fonts-cache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;

/** Returns the folder with the unpacked browser. Test files at the same time may each unpack it; the first to finish is kept. */
async function unpacked(): Promise<string> {
  const manifest = await readFile(join(archives, '../package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const home = join(cache, `chromium-${version}`);
  if (existsSync(home)) return home;
  await mkdir(cache, { recursive: true });
  const part = await mkdtemp(`${home}-part-`);
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', unpackScript], {
      env: { ...process.env, TMPDIR: part },
    });
    await writeFile(join(part, 'fonts/fonts.conf'), fontConfig(home));
    await rename(part, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return home;
}

export async function startChromium({ hidesScrollbars = false } = {}): Promise<Browser> {
  const home = await unpacked();
  // Libraries that small machines lack come after those that this one has.
  const libraries = [process.env['LD_LIBRARY_PATH'], '/usr/lib/x86_64-linux-gnu', join(home, 'al2023/lib')];
  return await chromium.launch({
    executablePath: join(home, 'chromium'),
    args: ['--no-sandbox', ...(hidesScrollbars ? ['--hide-scrollbars'] : [])],
    env: {
      ...process.env,
      FONTCONFIG_PATH: join(home, 'fonts'),
      LD_LIBRARY_PATH: libraries.filter((path) => path !== undefined).join(':'),
    },
  });
}
