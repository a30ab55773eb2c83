/** One's own tokens, ended ones included, and those one has granted to applications. */
import { Button, SegmentedControl } from '@mantine/core';
import type { ApiResponse, OauthToken, Token } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import type { Column } from '../../parts/data-table.tsx';
import { PlusIcon } from '../../parts/icons.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Page, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { inWords } from '../../parts/time-text.ts';
import { CreateToken } from './create-token.tsx';
import { tokenColumns } from './token-columns.tsx';

type Kind = 'all' | Token['kind'];

export function TokensPage() {
  const [kind, setKind] = useState<Kind>('all');
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<ApiResponse<'me.tokens.create'> | undefined>();
  const [ending, setEnding] = useState<Token | undefined>();
  const revoke = useApiMutation('me.tokens.revoke', ['me.tokens.list']);
  const tokens = useInfiniteQuery(apiList('me.tokens.list', { query: kind === 'all' ? {} : { kind } }));
  const newButton = (
    <Button leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
      New token
    </Button>
  );
  return (
    <Page
      title="Tokens"
      lead="They act in your name, within their scopes. Ended ones stay here, so that old events can be explained."
      actions={newButton}
    >
      <Section
        title="Access tokens and app tokens"
        actions={
          <SegmentedControl
            size="xs"
            aria-label="Kind of token"
            value={kind}
            onChange={(value) => setKind(value as Kind)}
            data={[
              { value: 'all', label: 'All' },
              { value: 'access_token', label: 'Access tokens' },
              { value: 'app_token', label: 'App tokens' },
            ]}
          />
        }
      >
        <PagedTable
          label="Tokens"
          query={tokens}
          columns={[...tokenColumns<Token>(), kindColumn, actionsColumn<Token>(setEnding)]}
          rowId={({ id }) => id}
          empty={
            <Nothing title="No tokens">
              Create one for a script or a client, so that your password stays yours.
            </Nothing>
          }
        />
      </Section>
      <GrantedTokens />
      <CreateToken
        opened={creating}
        onClose={() => setCreating(false)}
        onCreated={(made) => {
          setCreating(false);
          setCreated(made);
        }}
      />
      <SecretOnce
        title={`Token “${created?.token.name ?? ''}”`}
        secret={created?.secret}
        onDone={() => setCreated(undefined)}
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
          ending && revoke.mutate({ params: { token: ending.id } }, { onSuccess: () => setEnding(undefined) })
        }
      >
        Whatever uses it is refused from this moment on. It cannot be brought back.
      </Confirm>
    </Page>
  );
}

const kindColumn: Column<Token> = {
  id: 'kind',
  header: 'Kind',
  hideBelow: 'wide',
  cell: ({ kind }) => inWords(kind),
};

function actionsColumn<T extends Pick<Token, 'id' | 'state' | 'name'>>(
  onRevoke: (token: T) => void,
): Column<T> {
  return {
    id: 'actions',
    header: '',
    cell: (token) => (
      <div className={classes.rowActions}>
        <TextLink to="/trail" search={{ credential: [token.id] } as never} size="sm">
          Its events
        </TextLink>
        {token.state === 'active' && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Revoke ${token.name}`}
            onClick={() => onRevoke(token)}
          >
            Revoke
          </Button>
        )}
      </div>
    ),
  };
}

function GrantedTokens() {
  const [ending, setEnding] = useState<OauthToken | undefined>();
  const revoke = useApiMutation('me.oauth_tokens.revoke', ['me.oauth_tokens.list']);
  const tokens = useInfiniteQuery(apiList('me.oauth_tokens.list', {}));
  const application: Column<OauthToken> = {
    id: 'application',
    header: 'Application',
    cell: ({ application: { name }, organisation }) => (
      <>
        {name}
        <div className={classes.under}>{organisation.name}</div>
      </>
    ),
  };
  return (
    <Section
      title="Tokens of applications"
      lead="Generated by you, so that an organisation’s application acts in your name."
    >
      <PagedTable
        label="Tokens of applications"
        query={tokens}
        columns={[...tokenColumns<OauthToken>(), application, actionsColumn<OauthToken>(setEnding)]}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No application acts in your name">
            Such tokens are generated on the page of an organisation’s application.
          </Nothing>
        }
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
          ending && revoke.mutate({ params: { token: ending.id } }, { onSuccess: () => setEnding(undefined) })
        }
      >
        {ending?.application.name} can no longer act in your name with it.
      </Confirm>
    </Section>
  );
}
