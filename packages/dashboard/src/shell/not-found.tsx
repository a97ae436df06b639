import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Sentence } from '../parts/sentence.tsx';

export function NotFound(): ReactNode {
  return (
    <Sentence lead="The address may be mistyped, or of another version.">
      There is no such page. <Link to="/">Go to Now</Link>
    </Sentence>
  );
}
