/** Colors of reports and of the dashboard: `[light, dark]`. Only states are colored; everything else is ink on paper. */
export const tokens = {
  ground: ['#f6f7f9', '#0e1216'],
  paper: ['#ffffff', '#151a20'],
  sunk: ['#eef1f4', '#1c232b'],
  ink: ['#14181d', '#e8edf2'],
  soft: ['#56606b', '#9ba7b4'],
  line: ['#dde3e9', '#2b343e'],
  edge: ['#7b8692', '#66727f'],
  link: ['#1d5bb8', '#86b1f2'],
  good: ['#17734a', '#5cc48d'],
  wait: ['#8a5a0b', '#e3b45a'],
  bad: ['#b8233f', '#f4869a'],
  held: ['#6a49b8', '#b79cf0'],
  bar: ['#4f74ad', '#84a7dc'],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

const declarations = (theme: 0 | 1): string =>
  Object.entries(tokens)
    .map(([name, colors]) => `--${name}: ${colors[theme]}`)
    .join('; ');

/** The same as CSS, following the reader's system. */
export const tokenStyle = `:root { color-scheme: light dark; ${declarations(0)} }
@media (prefers-color-scheme: dark) { :root { ${declarations(1)} } }`;
