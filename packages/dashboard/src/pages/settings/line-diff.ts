export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
}

/** More lines of a text are not compared one by one. */
const maxLines = 300;

/** What was taken out of a text and what came in, line by line, with what stayed between. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const [was, is] = [before, after].map((text) => text.split('\n').slice(0, maxLines)) as [
    string[],
    string[],
  ];
  // The length of the longest common part of what follows two lines.
  const common = Array.from({ length: was.length + 1 }, () => new Uint16Array(is.length + 1));
  for (let i = was.length - 1; i >= 0; i--)
    for (let j = is.length - 1; j >= 0; j--)
      common[i]![j] =
        was[i] === is[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < was.length || j < is.length) {
    if (i < was.length && j < is.length && was[i] === is[j]) {
      lines.push({ sign: ' ', text: was[i]! });
      i++;
      j++;
    } else if (j >= is.length || (i < was.length && common[i + 1]![j]! >= common[i]![j + 1]!))
      lines.push({ sign: '-', text: was[i++]! });
    else lines.push({ sign: '+', text: is[j++]! });
  }
  return lines;
}
