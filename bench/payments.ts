import { readFileSync } from 'node:fs';

const lines = readFileSync(new URL('../packages/posthorn/data/payment-events.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');

/** Real payment events, over and over: the type and the data's text. */
export const payments = lines.map((line) => {
  const { type, data } = JSON.parse(line) as { type: string; data: unknown };
  return { type, data: JSON.stringify(data) };
});
