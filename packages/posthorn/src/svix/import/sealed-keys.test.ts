import { expect, test } from 'vitest';
import { hchacha20 } from './hchacha20.ts';
import { secretFrom } from './sealed-keys.ts';

test('HChaCha20 gives the subkey of the specification’s example', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, n) => n));
  const nonce = Buffer.from('000000090000004a0000000031415927', 'hex');
  expect(hchacha20(key, nonce).toString('hex')).toBe(
    '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc',
  );
});

test('keys that are not encrypted: of 24 bytes as they are, longer ones behind the byte of their kind', () => {
  const short = Buffer.alloc(24, 1);
  expect(secretFrom(short, null)).toEqual({ secret: `whsec_${short.toString('base64')}` });
  const long = Buffer.alloc(32, 2);
  expect(secretFrom(Buffer.concat([Buffer.from([0]), long]), null)).toEqual({
    secret: `whsec_${long.toString('base64')}`,
  });
  expect(secretFrom(Buffer.concat([Buffer.from([1]), long]), null)).toHaveProperty('fault');
});
