import '../styles/parts-payload.css';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { Button } from './button.tsx';
import { Copy } from './copy.tsx';
import { countText } from './number.ts';
import { indented, maxShownLength } from './payload.ts';
import { visible } from './untrusted.tsx';

/**
 * A body written elsewhere: as it is, byte for byte, or indented for reading. Text nodes only; of a long one the beginning,
 * with the whole as a file.
 */
export function Payload({ text, name }: { text: string; name: string }): ReactNode {
  const pretty = useMemo(() => indented(text), [text]);
  const [isIndented, setIndented] = useState(pretty !== null);
  const shown = isIndented && pretty !== null ? pretty : text.slice(0, maxShownLength);
  const isCut = text.length > maxShownLength;
  return (
    <div className="payload">
      <div className="payload-tools row no-print">
        {pretty === null ? null : (
          <Button kind="plain" aria-pressed={isIndented} onClick={() => setIndented(!isIndented)}>
            {isIndented ? 'Show as it came' : 'Indent'}
          </Button>
        )}
        <Copy text={text} />
        {isCut ? <Download text={text} name={name} /> : null}
      </div>
      {/* A region that scrolls is reached by the keyboard too. */}
      <pre tabIndex={0} role="region" aria-label={name}>
        <bdi>{visible(shown)}</bdi>
      </pre>
      {isCut ? (
        <p className="label">
          The first {countText(maxShownLength)} of {countText(text.length)} characters.
        </p>
      ) : null}
    </div>
  );
}

/** The whole text as a file: never opened by the browser, whatever it holds. */
function Download({ text, name }: { text: string; name: string }): ReactNode {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return url === null ? null : (
    <a href={url} download={`${name.replaceAll(/[^\w.-]+/g, '-')}.txt`}>
      Download all of it
    </a>
  );
}
