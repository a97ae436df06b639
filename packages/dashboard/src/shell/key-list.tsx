import type { ReactNode } from 'react';
import { activeKeys } from '../keys.ts';
import { Dialog } from '../parts/dialog.tsx';

const shown = (keys: string): string =>
  keys === ' ' ? 'Space' : keys.replace('mod+', navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl ');

/** What the keys do here. */
export function KeyList({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <table className="table">
        <caption className="sr">What the keys do on this page</caption>
        <tbody>
          {activeKeys().map(({ keys, text }) => (
            <tr key={`${keys}${text}`}>
              <th scope="row">
                {shown(keys)
                  .split(' ')
                  .map((key, index) => (
                    <kbd key={`${key}${index}`}>{key}</kbd>
                  ))}
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
