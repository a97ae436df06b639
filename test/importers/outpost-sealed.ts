import { createCipheriv, hash } from 'node:crypto';

export const aesSecret = 'sixteen-bytes-00';

/** As that server encrypts: nonce, text and tag, under the digits of the secret's MD5. */
export function sealed(value: object, key = aesSecret): Buffer {
  const nonce = Buffer.alloc(12, 3);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(hash('md5', key, 'hex')), nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
  return Buffer.concat([nonce, text, cipher.getAuthTag()]);
}
