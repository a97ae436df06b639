import { type ReactNode, useState } from 'react';
import { Copy } from '../../parts/copy.tsx';
import { snippets } from './snippets.ts';

/** A signing secret, which is shown this once, and code that verifies with it. */
export function Secret({ secret }: { secret: string }): ReactNode {
  const [language, setLanguage] = useState<(typeof snippets)[number]['name']>('Node.js');
  const { code } = snippets.find(({ name }) => name === language)!;
  return (
    <div className="stack">
      <p className="wait">
        This secret is shown once. Give it to the receiver, which verifies each webhook with it.
      </p>
      <div className="row">
        <code className="mono endpoint-code">{secret}</code>
        <Copy text={secret} label="Copy the secret" />
      </div>
      <label className="field">
        <span className="label">Code of the receiver</span>
        <select
          className="select"
          value={language}
          onChange={(event) => setLanguage(event.target.value as typeof language)}
        >
          {snippets.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <pre className="endpoint-code mono" tabIndex={0} aria-label={`Code in ${language}`}>
        {code}
      </pre>
      <div>
        <Copy text={code} label="Copy the code" />
      </div>
    </div>
  );
}
