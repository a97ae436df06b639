import { InvalidArgumentError } from 'commander';

/** Comma-separated values. */
export function valueList(text: string): string[] {
  const values = text.split(',').map((value) => value.trim());
  if (values.includes('')) throw new InvalidArgumentError('takes comma-separated values');
  return values;
}

/** Comma-separated values, each one of `choices`. */
export const choiceList =
  <Choice extends string>(choices: readonly Choice[]) =>
  (text: string): Choice[] =>
    valueList(text).map((given) => {
      const choice = choices.find((one) => one === given);
      if (choice === undefined) throw new InvalidArgumentError(`takes any of: ${choices.join(', ')}`);
      return choice;
    });
