import type { FormEvent, ReactNode } from 'react';
import { Dialog } from '../../parts/dialog.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';
import { useSetSearch } from '../../url.ts';
import { classNames, type FilterName, filterNames, type Filters, stateNames } from './filters.ts';

/** What a form says of each filter; null: it is not set. */
const filtersIn = (data: FormData): Readonly<Record<string, string | null>> =>
  Object.fromEntries(
    filterNames.map((name) => {
      const value = data
        .getAll(name)
        .map((one) => (typeof one === 'string' ? one.trim() : ''))
        .filter((one) => one !== '')
        .join(',');
      return [name, value === '' ? null : value];
    }),
  );

/** A sheet with all filters. */
export function FilterDialog({ filters, onClose }: { filters: Filters; onClose: () => void }): ReactNode {
  const setSearch = useSetSearch();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setSearch(filtersIn(new FormData(event.currentTarget)));
    onClose();
  };
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
        <Texts filters={filters} />
        <Deadline chosen={filters.late ?? ''} />
        <Choices
          name="error_class"
          label="Why the last attempt failed"
          options={classNames}
          chosen={filters.error_class}
        />
        <EndpointNames id="filter-endpoints" />
      </form>
    </Dialog>
  );
}

interface TextField {
  readonly name: FilterName;
  readonly label: string;
  readonly list?: string;
  readonly placeholder?: string;
}

const texts: readonly TextField[] = [
  { name: 'endpoint_id', label: 'Endpoint: name or id', list: 'filter-endpoints' },
  { name: 'event_type', label: 'Event type' },
  { name: 'owner', label: 'Owner' },
  { name: 'event_id', label: 'Event id' },
  { name: 'ordering_key', label: 'Ordering key' },
  { name: 'status_code', label: 'Status of the last answer', placeholder: '503' },
  { name: 'min_value', label: 'Worth at least, in minor units', placeholder: '10000' },
  { name: 'currency', label: 'Currency', placeholder: 'EUR' },
  { name: 'tenant', label: 'Tenant' },
];

function Texts({ filters }: { filters: Filters }): ReactNode {
  const { kind, tenant } = useMe();
  const isShown = (name: FilterName): boolean =>
    !(name === 'owner' && kind === 'portal') && !(name === 'tenant' && tenant !== null);
  return (
    <div className="three">
      {texts
        .filter(({ name }) => isShown(name))
        .map(({ name, label, list, placeholder }) => (
          <div key={name} className="field">
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
        ))}
    </div>
  );
}

const deadlines = [
  ['', 'all'],
  ['true', 'late'],
  ['false', 'not late'],
] as const;

function Deadline({ chosen }: { chosen: string }): ReactNode {
  return (
    <fieldset className="field">
      <legend className="label">Deadline</legend>
      <div className="row">
        {deadlines.map(([value, words]) => (
          <label key={value}>
            <input type="radio" name="late" value={value} defaultChecked={chosen === value} /> {words}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Names to choose from while an endpoint is typed. */
function EndpointNames({ id }: { id: string }): ReactNode {
  const endpoints = useRead('endpoints.list', { query: { limit: 200 } });
  return (
    <datalist id={id}>
      {(endpoints.data?.items ?? []).map(({ id: endpoint, name, url }) => (
        <option key={endpoint} value={name ?? endpoint}>
          {URL.canParse(url) ? new URL(url).host : url}
        </option>
      ))}
    </datalist>
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
