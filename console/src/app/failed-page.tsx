/** What stands in a page's place when it cannot be shown. */
import { Button } from '@mantine/core';
import { useRouter } from '@tanstack/react-router';
import { TextLink } from '../parts/links.tsx';
import { Nothing, Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';

export function FailedPage({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <Page title="This page cannot be shown">
      <ProblemAlert error={error} />
      <Button variant="default" mt="md" onClick={() => void router.invalidate()}>
        Try again
      </Button>
    </Page>
  );
}

export function UnknownPage() {
  return (
    <Page title="There is no such page">
      <Nothing title="The address leads nowhere">
        It may be mistyped, or what it named was renamed or deleted.{' '}
        <TextLink to="/trail">Go to your trail</TextLink>.
      </Nothing>
    </Page>
  );
}
