import { z } from 'zod';
import { type SloDocument, sloDocument } from '../reliability/slo-document.ts';
import { CommandError } from './output.ts';
import { readYaml } from './yaml-file.ts';

const withSlos = z.looseObject({ slos: z.array(z.unknown()).max(500).default([]) });

/** The objectives of a `posthorn.yaml`; what else it declares is `posthorn apply`'s business. */
export function readSlos(path: string): readonly SloDocument[] {
  const file = readYaml(path);
  const whole = withSlos.safeParse(file.value ?? {});
  if (!whole.success) throw new CommandError(file.faults(whole.error.issues).join('\n'), 2);
  const faults: string[] = [];
  const slos: SloDocument[] = [];
  for (const [index, one] of whole.data.slos.entries()) {
    const { success, data, error } = sloDocument.safeParse(one);
    if (!success) faults.push(...file.faults(error.issues, ['slos', index]));
    else if (slos.some(({ name }) => name === data.name))
      faults.push(
        ...file.faults(
          [{ code: 'custom', path: ['name'], message: `${data.name} is there twice`, input: one }],
          ['slos', index],
        ),
      );
    else slos.push(data);
  }
  if (faults.length > 0) throw new CommandError(faults.join('\n'), 2);
  return slos;
}
