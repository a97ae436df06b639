/** The server says something at least every 15 seconds: one that was heard so long ago has been there since. */
const presentMs = 20_000;

/**
 * Until when the server was there whose stream has ended now: nothing may have changed since it was heard last. After a longer silence, as
 * of a computer that slept, it is not known.
 */
export function presentUntil(heardAt: number, now: number): number {
  return now - heardAt <= presentMs ? now : heardAt;
}
