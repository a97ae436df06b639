import { memo, type ReactNode } from 'react';

export interface Column<T> {
  readonly key: string;
  readonly head: ReactNode;
  readonly cell: (row: T, isSelected: boolean) => ReactNode;
  readonly isNumber?: boolean;
  /** On a phone a row is two lines: this column begins it, ends its first line, stands below, or is left out. */
  readonly phone?: 'first' | 'end' | 'below' | 'hidden';
  /** CSS width. */
  readonly width?: string;
}

interface RowProps {
  readonly className?: string;
  readonly onClick?: () => void;
}

interface Drawn<T> extends RowProps {
  readonly row: T;
  readonly columns: readonly Column<T>[];
  readonly isSelected: boolean;
}

function DrawnRow<T>({ row, columns, isSelected, className = '', onClick }: Drawn<T>): ReactNode {
  const names = [isSelected ? 'is-selected' : '', className].join(' ').trim();
  return (
    <tr className={names === '' ? undefined : names} onClick={onClick}>
      {columns.map(({ key, cell, isNumber, phone = 'below' }) => (
        <td key={key} className={`on-phone-${phone}${isNumber === true ? ' num' : ''}`}>
          {cell(row, isSelected)}
        </td>
      ))}
    </tr>
  );
}

/** Drawn again only if its row, its selection or the columns change: a key moves through hundreds. */
const TableRow = memo(DrawnRow) as typeof DrawnRow;

/** A table with a caption, which becomes rows of two lines on a phone. Columns that stay the same array keep its rows. */
export function Table<T>({
  caption,
  columns,
  rows,
  keyOf,
  selected,
  isCaptionShown,
  rowProps,
}: {
  caption: ReactNode;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  /** The key of the row that is looked at. */
  selected?: string | null;
  isCaptionShown?: boolean;
  rowProps?: (row: T) => RowProps;
}): ReactNode {
  return (
    <div className="table-scroll">
      <table className="table">
        <caption className={isCaptionShown === true ? 'label' : 'sr'}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ key, head, isNumber, width }) => (
              <th
                key={key}
                scope="col"
                className={isNumber === true ? 'num' : undefined}
                style={width === undefined ? undefined : { width }}
              >
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = keyOf(row);
            return (
              <TableRow
                key={key}
                row={row}
                columns={columns}
                isSelected={key === selected}
                {...rowProps?.(row)}
              />
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
