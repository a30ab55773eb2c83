/** One OAuth application: generate a token with which it acts in one's name; its owners see and revoke all of them. */
import { Button } from '@mantine/core';
import type { ApiResponse, OauthToken } from '@tallyman/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { apiList, apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { CreateSecretButton } from '../../parts/create-secret-button.tsx';
import { address } from '../../parts/link-tabs.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import type { Column } from '../../parts/table.tsx';
import { ownsNamespace, useMe } from '../session/use-me.ts';
import { TokenForm } from '../tokens/token-form.tsx';
import { TokenList } from '../tokens/token-list.tsx';

type Created = ApiResponse<'applications.tokens.create'>;
type Place = { organisation: string; application: string };

export function ApplicationPage() {
  const params = useParams({ from: '/signed-in/organisations/$organisation/applications/$application' });
  const owner = ownsNamespace(useMe(), params.organisation);
  const application = useQuery(apiQuery('applications.get', { params }));
  return (
    <Section
      title={application.data?.name ?? 'Application'}
      lead={
        <>
          {application.data?.description}{' '}
          <TextLink to="/organisations/$organisation/applications" params={params}>
            All applications
          </TextLink>
        </>
      }
      actions={
        application.data && (
          <>
            <CreateSecretButton<Created>
              label="Generate a token"
              primary
              size="lg"
              titleOf={({ token }) => `Token “${token.name}”`}
            >
              {(form) => <GenerateForm {...params} {...form} />}
            </CreateSecretButton>
            {owner && <DeleteButton {...params} name={application.data.name} />}
          </>
        )
      }
    >
      <ProblemAlert error={application.error} retry={application.refetch} />
      {application.isPending && <Waiting />}
      {application.data && owner && <ApplicationTokens {...params} />}
      {application.data && !owner && (
        <Nothing title="Tokens you generated">
          They are listed among <TextLink to="/account/tokens">your own tokens</TextLink>.
        </Nothing>
      )}
    </Section>
  );
}

function ApplicationTokens(params: Place) {
  const tokens = useInfiniteQuery(apiList('applications.tokens.list', { params }));
  const revoke = useApiMutation('applications.tokens.revoke', ['applications.tokens.list']);
  return (
    <TokenList
      label="Tokens of this application"
      query={tokens}
      columns={[userColumn]}
      trailPath={address('organisations', params.organisation, 'trail')}
      empty={<Nothing title="No tokens">Nobody has generated one yet.</Nothing>}
      revoke={revoke}
      onRevoke={({ id }, done) => revoke.mutate({ params: { ...params, token: id } }, done)}
      consequence={({ user }) => `The application can no longer act in the name of ${user.name} with it.`}
    />
  );
}

const userColumn: Column<OauthToken> = {
  id: 'user',
  header: 'In the name of',
  cell: ({ user }) => user.name,
};

type GenerateProps = Place & { onClose: () => void; onCreated: (made: Created) => void };

function GenerateForm({ onClose, onCreated, ...params }: GenerateProps) {
  const create = useApiMutation('applications.tokens.create', [
    'applications.tokens.list',
    'me.oauth_tokens.list',
  ]);
  return (
    <TokenForm
      action="Generate"
      days={90}
      change={create}
      onCreate={(body) => create.mutate({ params, body }, { onSuccess: onCreated })}
      onClose={onClose}
    >
      <div>
        With this token the application acts in your name. Each of its acts is recorded with the application’s
        and your name.
      </div>
    </TokenForm>
  );
}

function DeleteButton({ name, ...params }: Place & { name: string }) {
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const remove = useApiMutation('applications.delete', ['applications.list']);
  const onSuccess = (): void => void navigate({ to: '/organisations/$organisation/applications', params });
  return (
    <>
      <Button variant="default" onClick={() => setAsked(true)}>
        Delete
      </Button>
      <Confirm
        opened={asked}
        title={`Delete ${name}?`}
        action="Delete"
        danger
        change={remove}
        onClose={() => setAsked(false)}
        onConfirm={() => remove.mutate({ params }, { onSuccess })}
      >
        All its tokens stop at once. What was done with them stays on the trail.
      </Confirm>
    </>
  );
}
