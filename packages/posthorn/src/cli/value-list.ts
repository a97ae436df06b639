import { InvalidArgumentError } from 'commander';

/** Comma-separated values; a repeated option adds to them. */
export function valueList(text: string, before: readonly string[] = []): string[] {
  const values = text.split(',').map((value) => value.trim());
  if (values.includes('')) throw new InvalidArgumentError('takes comma-separated values');
  return [...before, ...values];
}

/** Comma-separated values, each one of `choices`; a repeated option adds to them. */
export const choiceList =
  <Choice extends string>(choices: readonly Choice[]) =>
  (text: string, before: readonly Choice[] = []): Choice[] => [
    ...before,
    ...valueList(text).map((given) => {
      const choice = choices.find((one) => one === given);
      if (choice === undefined) throw new InvalidArgumentError(`takes any of: ${choices.join(', ')}`);
      return choice;
    }),
  ];
