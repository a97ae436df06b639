/** Two columns and more. */
const tableRow = /\S {2,}\S.* {2,}\S/;
/** Pasted in parts, a command would do something else. */
const shellCommand = /\bposthorn [a-z-]+ .*--/;

/** A line of prose, or a field with its value, broken at spaces where it is wider than this. */
export function wrapped(line: string, width: number): string {
  if (line.length <= width || tableRow.test(line) || shellCommand.test(line)) return line;
  const [indent] = /^(?: *\S+ {2,}| *)/.exec(line)!;
  const lines: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(' ')) {
    if (current.length + word.length > width && current.trim() !== '' && current.length > indent.length) {
      lines.push(current.trimEnd());
      current = ' '.repeat(indent.length);
    }
    current += `${word} `;
  }
  return [...lines, current.trimEnd()].join('\n');
}
