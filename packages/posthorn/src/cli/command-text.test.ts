import { expect, test } from 'vitest';
import { commandText } from './command-text.ts';

test('a report names the command without keys and without what URLs carry in secret', () => {
  expect(
    commandText([
      'impact',
      '--database-url',
      'postgres://u:pw@db/app?password=pw',
      '--api-key',
      'phk_x',
      '--deploy',
      '2026-01-01',
    ]),
  ).toBe('posthorn impact --database-url postgres://db/app --api-key … --deploy 2026-01-01');
  expect(commandText(['audit', '--api-key=phk_x', 'logs/*.jsonl'])).toBe(
    "posthorn audit --api-key=… 'logs/*.jsonl'",
  );
});
