/** Settings that hold a secret, and what clear text leaves behind in files. */
export interface SealedSettings {
  /** Settings whose value a keyring has made. */
  sealedSettings(): Promise<readonly { readonly name: string; readonly value: string }[]>;
  /** Replaces a setting that still has this value; false, with nothing written, if it has another one. */
  replaceSetting(name: string, from: string, to: string): Promise<boolean>;
  /**
   * Rewrites what endpoints, documents and settings are stored in, so that no file keeps what they held before. Returns false if
   * that is left to another time: with `maxBytes`, a database that is larger. Backups and archived logs keep what they have.
   */
  purgeFormerValues(maxBytes?: number): Promise<boolean>;
}
