import type { ReactNode } from 'react';
import { Copy } from '../../parts/copy.tsx';
import { toYaml } from './yaml.ts';

/** A declared document: its line, and behind it the YAML that declares it. */
export function DeclaredDocument({
  name,
  summary,
  section,
  document,
  children,
}: {
  name: ReactNode;
  summary: ReactNode;
  /** Of `posthorn.yaml`. */
  section: string;
  document: { readonly name: string; readonly [field: string]: unknown };
  children?: ReactNode;
}): ReactNode {
  const { name: key, ...fields } = document;
  const yaml = toYaml(section, key, fields);
  return (
    <details className="settings-document">
      <summary>
        <strong>{name}</strong>
        <span className="soft grow">{summary}</span>
      </summary>
      <div className="stack">
        {children}
        <div>
          <div className="spread">
            <p className="label">
              In <code>posthorn.yaml</code>
            </p>
            <Copy text={yaml} label="Copy the YAML" />
          </div>
          <pre tabIndex={0}>{yaml}</pre>
        </div>
      </div>
    </details>
  );
}
