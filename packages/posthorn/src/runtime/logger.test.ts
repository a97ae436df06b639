import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

test('what a receiver wrote stays in its line of the log, as the same data, and hides nothing', () => {
  const lines: string[] = [];
  const logger = createLogger('info', {
    write: (line) => void lines.push(line),
    dropped: 0,
    onRecovered: () => {},
  });
  const message = 'a\u001b[2J\u009b2J\u202eb\u200bc\nd';
  logger.warn({ code: 'x', message }, 'odd');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ message, msg: 'odd' });
  expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/);
});
