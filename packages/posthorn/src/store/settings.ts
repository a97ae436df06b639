// The part of the port for named settings that outlive a process, such as the hash of the admin key.

export interface SettingWrites {
  saveSetting(name: string, value: string): Promise<void>;
  /** Saves a setting if there is none, and returns the one that is stored then: of two nodes at once, one wins. */
  settleSetting(name: string, value: string): Promise<string>;
  /** Replaces a setting that still has this value; false, with nothing written, if it has another one. */
  replaceSetting(name: string, from: string, to: string): Promise<boolean>;
  /**
   * Rewrites what endpoints, documents and settings are stored in, so that no file keeps what they held before. Returns false if
   * that is left to another time: with `maxBytes`, a database that is larger. Backups and archived logs keep what they have.
   */
  purgeFormerValues(maxBytes?: number): Promise<boolean>;
}

export interface SettingLookups {
  setting(name: string): Promise<string | null>;
  /** Lists settings whose value a keyring has made. */
  sealedSettings(): Promise<readonly { readonly name: string; readonly value: string }[]>;
}
