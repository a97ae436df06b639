import { type SloDocument, sloFile } from '../reliability/slo-document.ts';
import { CommandError } from './output.ts';
import { readYaml } from './yaml-file.ts';

/** The objectives of a `posthorn.yaml`; what else it declares is `posthorn apply`'s business. */
export function readSlos(path: string): readonly SloDocument[] {
  const file = readYaml(path);
  const { success, data, error } = sloFile.safeParse(file.value ?? {});
  if (!success) throw new CommandError(file.faults(error.issues).join('\n'), 2);
  return Object.entries(data.slos).map(([name, document]) => ({ name, ...document }));
}
