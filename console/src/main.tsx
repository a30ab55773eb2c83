/** The console's start. */
import './zod-without-eval.ts';
import '@mantine/core/styles.css';
import './theme-variables.css';
import './app/app.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient, sessionQuery } from './api/queries.ts';
import { createConsoleRouter } from './app/router.tsx';
import { theme } from './theme.ts';

const client = createQueryClient(() => {
  // The session ended elsewhere: whoever was here has to sign in again, and comes back to this page.
  client.setQueryData(sessionQuery.queryKey, { signedIn: false });
  void router.invalidate();
});
const router = createConsoleRouter(client);

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      // Both would be written as <style> elements, which the page's policy forbids; theme-variables.css holds the first.
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
