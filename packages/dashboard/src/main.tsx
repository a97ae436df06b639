import './styles/base.css';
import './styles/tokens.css';
import './styles/parts.css';
import './styles/shell.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { SignIn } from './pages/sign-in.tsx';
import { Refusal } from './parts/panel.tsx';
import { queryClient } from './query.ts';
import { router } from './router.tsx';
import { SignedIn } from './session.tsx';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <SignedIn
        signInPage={(onSignedIn, problem) => <SignIn onSignedIn={onSignedIn} problem={problem} />}
        failed={(problem, onRetry) => (
          <main id="main">
            <Refusal problem={problem} onRetry={onRetry} />
          </main>
        )}
      >
        <RouterProvider router={router} />
      </SignedIn>
    </QueryClientProvider>
  </StrictMode>,
);
