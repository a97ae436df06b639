import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './button.tsx';

const saidMs = 2000;

/** Copies a text, and says that it did. */
export function Copy({
  text,
  label = 'Copy',
}: {
  /** What is copied; a function says it when it is. */
  text: string | (() => string);
  label?: string;
}): ReactNode {
  const [said, setSaid] = useState<'copied' | 'failed' | null>(null);
  useEffect(() => {
    if (said === null) return undefined;
    const timer = setTimeout(() => setSaid(null), saidMs);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Button
      onClick={() => {
        navigator.clipboard.writeText(typeof text === 'string' ? text : text()).then(
          () => setSaid('copied'),
          () => setSaid('failed'),
        );
      }}
    >
      <span aria-live="polite">
        {said === null ? label : said === 'copied' ? 'Copied' : 'Copying is not allowed here'}
      </span>
    </Button>
  );
}
