import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';

/** Method and path of each call: all that the dashboard needs from the operations table besides the types. */
export function pathsFile(table: Readonly<Record<string, Operation>>): string {
  const lines = Object.entries(table).map(([id, { method, path }]) => `  '${id}': ['${method}', '${path}'],`);
  return `// Generated from the operations table by \`npm run generate\`: do not edit.

import type { OperationId } from '../../../posthorn/src/contract/table.ts';

export const paths: Readonly<Record<OperationId, readonly [method: string, path: string]>> = {
${lines.join('\n')}
};
`;
}
