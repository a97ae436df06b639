import { z } from 'zod';
import { documentName } from '../contract/fields.ts';
import { sloDocument } from '../contract/slos.ts';
import type { NamedSlo } from '../domain/objective.ts';
import { CommandError } from './output.ts';
import { readYaml } from './yaml-file.ts';

export const sloFile = z.looseObject({ slos: z.record(documentName, sloDocument).default({}) });

/** The objectives of a `posthorn.yaml`; `posthorn apply` handles its other declarations. */
export function readSlos(path: string): readonly NamedSlo[] {
  const file = readYaml(path);
  const { success, data, error } = sloFile.safeParse(file.value ?? {});
  if (!success) throw new CommandError(file.faults(error.issues).join('\n'), 2);
  return Object.entries(data.slos).map(([name, document]) => ({ name, ...document }));
}
