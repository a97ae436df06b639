import type { ReactNode } from 'react';

export interface Column<T> {
  readonly key: string;
  readonly head: ReactNode;
  readonly cell: (row: T) => ReactNode;
  readonly isNumber?: boolean;
  /** On a phone a row is two lines: this column begins it, ends its first line, stands below, or is left out. */
  readonly phone?: 'first' | 'end' | 'below' | 'hidden';
  /** CSS width. */
  readonly width?: string;
}

/** A table with a caption, which becomes rows of two lines on a phone. */
export function Table<T>({
  caption,
  columns,
  rows,
  keyOf,
  isCaptionShown,
  rowProps,
}: {
  caption: ReactNode;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  isCaptionShown?: boolean;
  rowProps?: (row: T) => { className?: string; onClick?: () => void };
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
          {rows.map((row) => (
            <tr key={keyOf(row)} {...rowProps?.(row)}>
              {columns.map(({ key, cell, isNumber, phone = 'below' }) => (
                <td key={key} className={`on-phone-${phone}${isNumber === true ? ' num' : ''}`}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
