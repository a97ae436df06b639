/** The names on the way of a JSON Pointer (RFC 6901). */
export function pointerSteps(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const arrayIndex = /^(0|[1-9]\d{0,8})$/;

/** The value at these steps, or undefined. */
export function atSteps(data: unknown, steps: readonly string[]): unknown {
  let node = data;
  for (const step of steps) {
    if (node === null || typeof node !== 'object') return undefined;
    // An array has members by number only: its length is not part of the data.
    if (Array.isArray(node) && !arrayIndex.test(step)) return undefined;
    if (!Object.hasOwn(node, step)) return undefined;
    node = (node as Record<string, unknown>)[step];
  }
  return node;
}

/** The value at a JSON Pointer, or undefined. */
export function atPointer(data: unknown, pointer: string): unknown {
  return atSteps(data, pointerSteps(pointer));
}
