/**
 * Seals what must not be readable in the database (G9). Sealed texts are what endpoints, channels and keys hold in memory and in
 * the store; they are opened where they are used, and nowhere else.
 */
export interface Keyring {
  /** A text that is sealed already stays as it is. */
  seal(text: string): string;
  /** A text that was never sealed is returned as it is. Throws where its key is not here, or it was changed. */
  open(text: string): string;
}

/** Seals nothing: for tests, the lab, and `--plaintext-secrets`. */
export const plainKeyring: Keyring = { seal: (text) => text, open: (text) => text };
