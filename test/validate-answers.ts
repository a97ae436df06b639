import { afterEach } from 'vitest';
import { takeFaults } from './seen-answers.ts';

// Set up for every test file: the test in which an answer of a Posthorn server differs from the contract fails.

afterEach(async () => {
  const found = await takeFaults();
  if (found.length > 0)
    throw new Error(`answers that are not as the contract says:\n\n${found.join('\n\n')}`);
});
