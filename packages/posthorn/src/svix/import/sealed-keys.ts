import { createDecipheriv, createHmac } from 'node:crypto';
import { hchacha20 } from './hchacha20.ts';

// Keys of endpoints as Svix's database has them: a byte that says of which kind, then the key, sealed with XChaCha20-Poly1305 under a
// key that the main secret gives.

const sealedFlag = 0x80;
const hmacKind = 0;
const plainBytes = 24;
const nonceBytes = 24;
const tagBytes = 16;

function open(sealed: Buffer, mainSecret: string): Buffer {
  const key = createHmac('sha256', mainSecret).update('main').digest();
  const nonce = sealed.subarray(0, nonceBytes);
  const end = sealed.length - tagBytes;
  const subkey = hchacha20(key, nonce);
  const shortNonce = Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]);
  const decipher = createDecipheriv('chacha20-poly1305', subkey, shortNonce, { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]);
}

/** The secret `whsec_…` that a stored key is, or why it cannot be taken. */
export function secretFrom(
  stored: Buffer,
  mainSecret: string | null,
): { readonly secret: string } | { readonly fault: string } {
  const isPlain = stored.length === plainBytes;
  const marker = isPlain ? hmacKind : (stored[0] ?? hmacKind);
  if ((marker & ~sealedFlag) !== hmacKind) return { fault: 'it signs with an Ed25519 key' };
  let key = isPlain ? stored : stored.subarray(1);
  if ((marker & sealedFlag) !== 0) {
    if (mainSecret === null)
      return { fault: 'its secret is encrypted: set SVIX_MAIN_SECRET, or give --main-secret' };
    try {
      key = open(key, mainSecret);
    } catch {
      return { fault: 'its secret cannot be decrypted: this is not the main secret of that server' };
    }
  }
  return { secret: `whsec_${key.toString('base64')}` };
}
