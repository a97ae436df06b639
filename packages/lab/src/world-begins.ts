/** Where every simulated world begins: a Sunday midnight (UTC), in ms since the epoch. */
export const worldBegins = Date.UTC(2026, 0, 4);
