/** Settings of a thing that others rely on: its name, and its end. */
import { Button, Group, TextInput } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Confirm } from './confirm.tsx';
import classes from './parts.module.css';
import { ProblemAlert } from './problem-alert.tsx';

type Change = { isPending: boolean; error: unknown; reset: () => void };

type NameProps = { name: string; lead: string; change: Change; onRename: (name: string) => void };

export function NameSetting({ name, lead, change, onRename }: NameProps) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get('name')).trim();
    if (given !== name) onRename(given);
  };
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>Name</div>
        <div className={classes.under}>{lead}</div>
        <ProblemAlert error={change.error} />
      </div>
      <form onSubmit={submit}>
        <Group gap="xs">
          <TextInput
            key={name}
            name="name"
            aria-label="Name"
            defaultValue={name}
            required
            maxLength={253}
            autoCapitalize="none"
            spellCheck={false}
          />
          <Button type="submit" variant="default" loading={change.isPending}>
            Rename
          </Button>
        </Group>
      </form>
    </div>
  );
}

type DangerProps = {
  what: string;
  name: string;
  lead: string;
  change: Change;
  /** What more there is to say of a refusal; `close` puts the question away. */
  explain?: (close: () => void) => (error: unknown) => ReactNode;
  onDelete: () => void;
};

export function DangerSetting({ what, name, lead, change, explain, onDelete }: DangerProps) {
  const [asked, setAsked] = useState(false);
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>Delete this {what}</div>
        <div className={classes.under}>{lead}</div>
      </div>
      <Button color="red" variant="light" onClick={() => setAsked(true)}>
        Delete
      </Button>
      <Confirm
        opened={asked}
        title={`Delete ${name}?`}
        action="Delete"
        danger
        typed={name}
        change={change}
        explain={explain?.(() => setAsked(false))}
        onClose={() => setAsked(false)}
        onConfirm={onDelete}
      >
        {lead}
      </Confirm>
    </div>
  );
}
