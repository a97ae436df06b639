import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// An application that embeds a node uses the types of the library's signatures in its own.

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');
/** Without comments and texts. */
const code = (text: string): string => text.replaceAll(/\/\*[^]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, ' ');

/** Each type that an index exports, with the text of its declaration. */
function exportedTypes(index: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names, file] of read(index).matchAll(/export (?:type )?\{([^}]*)\} from '(\.[^']*)'/g)) {
    const text = code(read(new URL(file!, new URL(index, import.meta.url)).href));
    for (const name of names!.split(',').map((one) => one.trim().replace('type ', ''))) {
      const declaration = new RegExp(
        `export (?:interface|class|type|async function|function) ${name}\\b[^]*?(?:\\n\\}|;\\n(?=\\S|$))`,
      );
      found.set(name, declaration.exec(text)?.[0] ?? '');
    }
  }
  return found;
}

/** Types of the language and of Node. */
const known =
  /^(Api|Array|Date|Error|ErrorOptions|Extract|Omit|Partial|Promise|Readonly|Record|Uint8Array|[A-Z])$/;
/** What only `openTelemetryTracing` makes and only a node calls. */
const behindTracing = [
  'AcceptSpan',
  'AttemptSpan',
  'ClaimedDelivery',
  'Endpoint',
  'NewEvent',
  'SettleAnswer',
  'Settlement',
  'TraceContext',
];

test('every type that a signature of the library names is exported', () => {
  const types = exportedTypes('./index.ts');
  expect([...types.keys()]).toContain('PosthornOptions');
  const ofClient = new Set(
    [...read('../../client/src/generated/types.ts').matchAll(/export (?:interface|type) (\w+)/g)].map(
      ([, name]) => name!,
    ),
  );
  const missing = [...types].flatMap(([name, text]) =>
    [...text.matchAll(/\b[A-Z][A-Za-z0-9]+\b/g)]
      .map(([named]) => named)
      .filter((named) => !known.test(named) && !types.has(named) && !ofClient.has(named))
      .filter((named) => name !== 'Tracing' || !behindTracing.includes(named))
      .map((named) => `${name}: ${named}`),
  );
  expect([...new Set(missing)]).toEqual([]);
});
