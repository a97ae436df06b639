/** Resolves when everything that is ready to run has run: every promise that could settle by itself has settled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
