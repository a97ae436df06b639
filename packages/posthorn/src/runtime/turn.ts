/** Resolves when everything that is ready to run has run: every promise that could settle by itself has settled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs work that pauses now and then to its end at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
}

/** The same with a turn of the event loop at each pause. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  let step = work.next();
  for (; step.done !== true; step = work.next()) await nextTurn();
  return step.value;
}
