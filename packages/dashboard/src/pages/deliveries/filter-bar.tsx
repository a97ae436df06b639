import { type ReactNode, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { useSetSearch } from '../../url.ts';
import { FilterDialog } from './filter-dialog.tsx';
import { filterLabels, filterNames, type Filters } from './filters.ts';

/** The filters as chips, each of which can be taken out, and a sheet to change all of them. */
export function FilterBar({ filters, range }: { filters: Filters; range: ReactNode }): ReactNode {
  const setSearch = useSetSearch();
  const [isOpen, setOpen] = useState(false);
  const given = filterNames.filter((name) => filters[name] !== undefined);
  return (
    <div className="row filters no-print">
      {given.map((name) => (
        <span key={name} className="filter-chip">
          <span>
            {filterLabels[name]}: <Untrusted text={filters[name]!.split(',').join(', ')} max={48} />
          </span>
          <button
            type="button"
            aria-label={`Without the filter ${filterLabels[name]}`}
            onClick={() => setSearch({ [name]: null })}
          >
            ✕
          </button>
        </span>
      ))}
      <Button onClick={() => setOpen(true)}>+ Filter</Button>
      {range}
      {isOpen ? <FilterDialog filters={filters} onClose={() => setOpen(false)} /> : null}
    </div>
  );
}
