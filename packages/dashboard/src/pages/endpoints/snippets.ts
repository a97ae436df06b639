import go from './receivers/go.txt?raw';
import node from './receivers/node.txt?raw';
import php from './receivers/php.txt?raw';
import python from './receivers/python.txt?raw';
import ruby from './receivers/ruby.txt?raw';

/** Receivers in five languages, by the libraries of Standard Webhooks. The secret is in the environment, never in the code. */
export const snippets = [
  { name: 'Node.js', code: node },
  { name: 'Python', code: python },
  { name: 'Go', code: go },
  { name: 'Ruby', code: ruby },
  { name: 'PHP', code: php },
] as const;
