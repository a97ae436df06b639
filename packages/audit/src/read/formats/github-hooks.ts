import { basename } from 'node:path';
import { quote } from '../../database.ts';
import { from, type SampleRecord, type Spec } from '../spec.ts';

/** A file with its sample. */
interface Looked {
  readonly path: string;
  readonly sample: readonly SampleRecord[];
  readonly spec: Spec;
}

const places = ['hook_id', 'url', 'target_url', 'request.url'];

/**
 * GitHub sends an event to several hooks under one guid, and the record of a delivery does not name its hook, so a success
 * at one hook would hide a failure at another. If a guid has first deliveries in several files, each file is the list of
 * one hook, and its name serves as the endpoint. If the files are pages of one list, a guid has one first delivery.
 */
export function hooksByFile(files: readonly Looked[]): ReadonlyMap<string, Spec> {
  const lists = files.filter(
    ({ spec, sample }) =>
      spec.format === 'github' && !sample.some(({ values }) => places.some((name) => values.has(name))),
  );
  const firstIn = new Map<string, { readonly path: string; readonly id: string | undefined }>();
  const several = lists.some(({ path, sample }) =>
    sample.some(({ values }) => {
      const guid = values.get('guid');
      if (guid === undefined || values.get('redelivery') !== 'false') return false;
      const id = values.get('id');
      const other = firstIn.get(guid);
      firstIn.set(guid, other ?? { path, id });
      // The same record in two files means that a page was fetched twice.
      return other !== undefined && other.path !== path && other.id !== id;
    }),
  );
  if (!several) return new Map();
  return new Map(
    lists.map(({ path, spec }) => [
      path,
      {
        ...spec,
        fields: { ...spec.fields, endpoint: { ...from('guid'), sql: quote(basename(path)) } },
        notes: [...spec.notes, 'events have first deliveries in several files: each file is one hook'],
      },
    ]),
  );
}
