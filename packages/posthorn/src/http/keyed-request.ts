import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

// What is stored of a request with an Idempotency-Key. An answer may contain a signing secret, and the server knows the
// API key only by its hash: so everything is derived from the API key as the caller presented it. A copy of the
// database reveals neither key nor answer, and cannot be used to check guesses of a request's body.

const cipher = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** A longer answer, in bytes of UTF-8, is not stored. A batch of 1,000 ordinary receipts takes 250 KB. */
const maxAnswerBytes = 1024 * 1024;

export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface RequestSecrets {
  /** The row's id. */
  readonly id: string;
  /** The same for all requests with one API key. */
  readonly caller: string;
  /** Equal only for equal requests. */
  fingerprint(request: RequestContent): string;
  /** The answer as it is stored; null if it is too long. `nonce` is random and used once. */
  seal(answer: KeptAnswer, nonce: Uint8Array): string | null;
  /** Null if the text was not sealed with the same API key and Idempotency-Key, or was changed since. */
  unseal(text: string): KeptAnswer | null;
}

export interface RequestContent {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** As received. */
  readonly body: string;
}

/** Length of a nonce for `seal`, in bytes. */
export const sealNonceBytes = nonceBytes;

function hmac(key: string | Uint8Array, ...parts: readonly string[]): string {
  const mac = createHmac('sha256', key);
  // As bytes: for a text of 8 MiB the same call takes five times as long.
  for (const part of parts) mac.update(Buffer.from(part));
  return mac.digest('base64url');
}

export function requestSecrets(apiKey: string, idempotencyKey: string): RequestSecrets {
  const derived = Buffer.from(
    hkdfSync('sha256', apiKey, idempotencyKey, 'posthorn idempotency', 2 * keyBytes),
  );
  const sealKey = derived.subarray(0, keyBytes);
  const fingerprintKey = derived.subarray(keyBytes);
  const id = hmac(apiKey, 'idempotency key\n', idempotencyKey);
  return {
    id,
    caller: hmac(apiKey, 'idempotency caller'),
    // Neither a method nor a request target contains a line break, so the three parts cannot be confused.
    fingerprint: ({ method, url, body }) => hmac(fingerprintKey, `${method}\n${url}\n`, body),
    seal: ({ status, contentType, body }, nonce) => {
      if (Buffer.byteLength(body) > maxAnswerBytes) return null;
      // Receipts of a batch repeat themselves: compression leaves a tenth of their length.
      const plain = deflateRawSync(JSON.stringify([status, contentType, body]), { level: 1 });
      const encryption = createCipheriv(cipher, sealKey, nonce, { authTagLength: tagBytes });
      encryption.setAAD(Buffer.from(id));
      const sealed = [encryption.update(plain), encryption.final()];
      return Buffer.concat([nonce, ...sealed, encryption.getAuthTag()]).toString('base64');
    },
    unseal: (text) => {
      const bytes = Buffer.from(text, 'base64');
      if (bytes.length < nonceBytes + tagBytes) return null;
      const end = bytes.length - tagBytes;
      const decryption = createDecipheriv(cipher, sealKey, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decryption.setAAD(Buffer.from(id));
      decryption.setAuthTag(bytes.subarray(end));
      let plain: Buffer;
      try {
        plain = Buffer.concat([decryption.update(bytes.subarray(nonceBytes, end)), decryption.final()]);
      } catch {
        return null;
      }
      const [status, contentType, body] = JSON.parse(inflateRawSync(plain).toString()) as [
        number,
        string,
        string,
      ];
      return { status, contentType, body };
    },
  };
}
