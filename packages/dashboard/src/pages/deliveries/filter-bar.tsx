import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';
import { useSetSearch } from '../../url.ts';
import {
  classNames,
  type FilterName,
  filterLabels,
  filterNames,
  type Filters,
  stateNames,
} from './filters.ts';

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

function FilterDialog({ filters, onClose }: { filters: Filters; onClose: () => void }): ReactNode {
  const setSearch = useSetSearch();
  const { kind, tenant } = useMe();
  const isPortal = kind === 'portal';
  const endpoints = useRead('endpoints.list', { query: { limit: 200 } });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const change = Object.fromEntries(
      filterNames.map((name) => {
        const value = data
          .getAll(name)
          .map((one) => (typeof one === 'string' ? one.trim() : ''))
          .filter((one) => one !== '')
          .join(',');
        return [name, value === '' ? null : value];
      }),
    );
    setSearch(change);
    onClose();
  };
  const text = (name: FilterName, label: string, list?: string, placeholder?: string): ReactNode => (
    <div className="field">
      <label htmlFor={`filter-${name}`}>{label}</label>
      <input
        id={`filter-${name}`}
        name={name}
        className="input"
        defaultValue={filters[name] ?? ''}
        list={list}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
      />
    </div>
  );
  return (
    <Dialog
      title="Show deliveries"
      isWide
      onClose={onClose}
      actions={
        <button type="submit" form="filter-form" className="button button-go">
          Show them
        </button>
      }
    >
      <form id="filter-form" className="stack" onSubmit={submit}>
        <Choices name="state" label="State" options={stateNames} chosen={filters.state} />
        <div className="three">
          {text('endpoint_id', 'Endpoint: name or id', 'filter-endpoints')}
          {text('event_type', 'Event type')}
          {isPortal ? null : text('owner', 'Owner')}
          {text('event_id', 'Event id')}
          {text('ordering_key', 'Ordering key')}
          {text('status_code', 'Status of the last answer', undefined, '503')}
          {text('min_value', 'Worth at least, in minor units', undefined, '10000')}
          {text('currency', 'Currency', undefined, 'EUR')}
          {tenant === null ? text('tenant', 'Tenant') : null}
        </div>
        <fieldset className="field">
          <legend className="label">Deadline</legend>
          <div className="row">
            {(
              [
                ['', 'all'],
                ['true', 'late'],
                ['false', 'not late'],
              ] as const
            ).map(([value, words]) => (
              <label key={value}>
                <input
                  type="radio"
                  name="late"
                  value={value}
                  defaultChecked={(filters.late ?? '') === value}
                />{' '}
                {words}
              </label>
            ))}
          </div>
        </fieldset>
        <Choices
          name="error_class"
          label="Why the last attempt failed"
          options={classNames}
          chosen={filters.error_class}
        />
        <datalist id="filter-endpoints">
          {(endpoints.data?.items ?? []).map(({ id, name, url }) => (
            <option key={id} value={name ?? id}>
              {URL.canParse(url) ? new URL(url).host : url}
            </option>
          ))}
        </datalist>
      </form>
    </Dialog>
  );
}

function Choices({
  name,
  label,
  options,
  chosen = '',
}: {
  name: FilterName;
  label: string;
  options: readonly string[];
  chosen?: string | undefined;
}): ReactNode {
  const checked = chosen.split(',');
  return (
    <fieldset className="field">
      <legend className="label">{label}</legend>
      <div className="row choices">
        {options.map((option) => (
          <label key={option}>
            <input type="checkbox" name={name} value={option} defaultChecked={checked.includes(option)} />{' '}
            {option}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
