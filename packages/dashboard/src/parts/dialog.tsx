import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button } from './button.tsx';

/** A modal dialog of the platform: Escape closes it, and the focus returns to where it was opened. */
export function Dialog({
  title,
  onClose,
  children,
  actions,
  isWide,
}: {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  /** Beside `Close`. */
  actions?: ReactNode;
  isWide?: boolean;
}): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      className={isWide === true ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // The backdrop is the element itself; all else is inside of its child.
        if (event.target === element.current) onClose();
      }}
    >
      <div className="dialog-body">
        <h2 id={id} className="dialog-title">
          {title}
        </h2>
        {children}
        <div className="row dialog-actions">
          {actions}
          <Button onClick={onClose}>Close</Button>
        </div>
      </div>
    </dialog>
  );
}
