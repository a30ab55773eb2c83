/** Settings that can change while the server runs. Each is a choice between a few words that the contract explains. */
import { Select } from '@mantine/core';
import type { Setting } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Page } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Time } from '../../parts/time.tsx';
import { inWords } from '../../parts/time-text.ts';
import { useAsked } from '../../parts/use-asked.ts';

export function SettingsPage() {
  const query = useQuery(apiQuery('settings.list', {}));
  const change = useApiMutation('settings.put', ['settings.list']);
  const asked = useAsked<{ setting: Setting; value: string }>();
  return (
    <Page
      title="Settings"
      place="Administration"
      lead="What can change while the server runs. Everything else stands in its configuration file."
    >
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data && (
        <div className={classes.settings}>
          {query.data.items.map((setting) => (
            <SettingRow
              key={setting.key}
              setting={setting}
              onAsk={(value) => asked.ask({ setting, value })}
            />
          ))}
        </div>
      )}
      <Confirm
        opened={asked.opened}
        title="Change this setting?"
        action="Change"
        change={change}
        onClose={asked.close}
        onConfirm={() =>
          asked.item &&
          change.mutate(
            { params: { key: asked.item.setting.key }, body: { value: asked.item.value } },
            { onSuccess: asked.close },
          )
        }
      >
        {asked.item?.setting.summary}. From now on: <b>{asked.item && valueText(asked.item.value)}</b>.
      </Confirm>
    </Page>
  );
}

function SettingRow({ setting, onAsk }: { setting: Setting; onAsk: (value: string) => void }) {
  const { key, value, values, summary, changedAt } = setting;
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>{summary}</div>
        <div className={classes.under}>
          <code>{key}</code>
          {changedAt !== null && (
            <>
              {' '}
              · changed <Time at={changedAt} />
            </>
          )}
        </div>
      </div>
      <Select
        aria-label={summary}
        data={values.map((one) => ({ value: one, label: valueText(one) }))}
        value={value}
        allowDeselect={false}
        w={270}
        onChange={(chosen) => chosen !== null && chosen !== value && onAsk(chosen)}
      />
    </div>
  );
}

function valueText(value: string): string {
  const words = inWords(value);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
