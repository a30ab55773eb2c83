/** One OAuth application: generate a token with which it acts in one's name; its owners see and revoke all of them. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import type { ApiResponse, OauthToken, TokenScope } from '@tallyman/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { apiList, apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { ExpiryField, expiryAfter } from '../../parts/expiry-field.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { ScopePicker } from '../../parts/scope-picker.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import type { Column } from '../../parts/table.tsx';
import { ownsNamespace, useMe } from '../session/use-me.ts';
import { tokenColumns } from '../tokens/token-columns.tsx';

type Created = ApiResponse<'applications.tokens.create'>;

export function ApplicationPage() {
  const params = useParams({ from: '/signed-in/organisations/$organisation/applications/$application' });
  const owner = ownsNamespace(useMe(), params.organisation);
  const application = useQuery(apiQuery('applications.get', { params }));
  const [generating, setGenerating] = useState(false);
  const [created, setCreated] = useState<Created | undefined>();
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
        <>
          <Button onClick={() => setGenerating(true)}>Generate a token</Button>
          {owner && <DeleteButton {...params} name={application.data?.name ?? ''} />}
        </>
      }
    >
      <ProblemAlert error={application.error} retry={application.refetch} />
      {owner ? (
        <ApplicationTokens {...params} />
      ) : (
        <Nothing title="Tokens you generated">
          They are listed among <TextLink to="/account/tokens">your own tokens</TextLink>.
        </Nothing>
      )}
      <Modal opened={generating} onClose={() => setGenerating(false)} title="Generate a token" size="lg">
        {generating && (
          <GenerateForm
            {...params}
            onClose={() => setGenerating(false)}
            onCreated={(made) => {
              setGenerating(false);
              setCreated(made);
            }}
          />
        )}
      </Modal>
      <SecretOnce
        title={`Token “${created?.token.name ?? ''}”`}
        secret={created?.secret}
        onDone={() => setCreated(undefined)}
      />
    </Section>
  );
}

type Place = { organisation: string; application: string };

function ApplicationTokens({ organisation, application }: Place) {
  const tokens = useInfiniteQuery(
    apiList('applications.tokens.list', { params: { organisation, application } }),
  );
  const revoke = useApiMutation('applications.tokens.revoke', ['applications.tokens.list']);
  const [ending, setEnding] = useState<OauthToken | undefined>();
  const extra: Column<OauthToken>[] = [
    { id: 'user', header: 'In the name of', cell: ({ user }) => user.name },
    {
      id: 'actions',
      header: '',
      cell: (token) =>
        token.state === 'active' && (
          <div className={classes.rowActions}>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`Revoke ${token.name}`}
              onClick={() => setEnding(token)}
            >
              Revoke
            </Button>
          </div>
        ),
    },
  ];
  return (
    <>
      <PagedTable
        label="Tokens of this application"
        query={tokens}
        columns={[...tokenColumns<OauthToken>(), ...extra]}
        rowId={({ id }) => id}
        empty={<Nothing title="No tokens">Nobody has generated one yet.</Nothing>}
      />
      <Confirm
        opened={ending !== undefined}
        title={`Revoke “${ending?.name ?? ''}”?`}
        action="Revoke"
        danger
        pending={revoke.isPending}
        error={revoke.error}
        onClose={() => {
          setEnding(undefined);
          revoke.reset();
        }}
        onConfirm={() =>
          ending &&
          revoke.mutate(
            { params: { organisation, application, token: ending.id } },
            { onSuccess: () => setEnding(undefined) },
          )
        }
      >
        The application can no longer act in the name of {ending?.user.name} with it.
      </Confirm>
    </>
  );
}

function GenerateForm({
  organisation,
  application,
  onClose,
  onCreated,
}: Place & { onClose: () => void; onCreated: (made: Created) => void }) {
  const create = useApiMutation('applications.tokens.create', [
    'applications.tokens.list',
    'me.oauth_tokens.list',
  ]);
  const [scopes, setScopes] = useState<TokenScope[]>(['project:read']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>(() => expiryAfter(90));
  const [unscoped, setUnscoped] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setUnscoped(scopes.length === 0);
    if (scopes.length === 0) return;
    const name = String(new FormData(event.currentTarget).get('name'));
    create.mutate(
      { params: { organisation, application }, body: { name, scopes, ...(expiresAt && { expiresAt }) } },
      { onSuccess: onCreated },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <div>
          With this token the application acts in your name. Each of its acts is recorded with the
          application’s and your name.
        </div>
        <TextInput name="name" label="Name" required withAsterisk={false} maxLength={100} data-autofocus />
        <ScopePicker
          value={scopes}
          onChange={setScopes}
          error={unscoped && scopes.length === 0 ? 'Choose at least one scope' : undefined}
        />
        <ExpiryField label="Ends after" initial="90" onChange={setExpiresAt} />
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Generate
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function DeleteButton({ organisation, application, name }: Place & { name: string }) {
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const remove = useApiMutation('applications.delete', ['applications.list']);
  const onSuccess = (): void =>
    void navigate({ to: '/organisations/$organisation/applications', params: { organisation } });
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
        pending={remove.isPending}
        error={remove.error}
        onClose={() => setAsked(false)}
        onConfirm={() => remove.mutate({ params: { organisation, application } }, { onSuccess })}
      >
        All its tokens stop at once. What was done with them stays on the trail.
      </Confirm>
    </>
  );
}
