/** How long events are kept on the server, what owners of namespaces may choose, and the holds that stop it. */
import { Button, Checkbox, Modal, Stack, Text, TextInput } from '@mantine/core';
import type { RetentionRule } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Notice } from '../../parts/notice.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { Changed } from './changed.tsx';
import { boundsText, classTexts, daysText, isShorter } from './forget-words.ts';
import { Holds } from './holds.tsx';
import { daysOf, KeepField, keepOf } from './keep-field.tsx';

export function RetentionPage() {
  const query = useQuery(apiQuery('retention.list', {}));
  const asked = useAsked<RetentionRule>();
  return (
    <Page
      title="Retention"
      place="Administration"
      lead="How long events are kept. What goes leaves its hash in the log, so every proof stays valid, and each drop is an event."
    >
      <Section
        title="Times"
        lead="Looked through once a day. An event that explains what is so now (a lock, a role, where a tag points) is kept while it is so, whatever its age."
      >
        <ProblemAlert error={query.error} retry={query.refetch} />
        {query.isPending && <Waiting />}
        {query.data && (
          <div className={classes.settings}>
            {query.data.items.map((rule) => (
              <Rule key={rule.class} rule={rule} onAsk={() => asked.ask(rule)} />
            ))}
          </div>
        )}
      </Section>
      <Holds />
      <Modal
        opened={asked.opened}
        onClose={asked.close}
        title={asked.item && `How long events of ${asked.item.class} are kept`}
      >
        {asked.opened && asked.item && <RuleForm rule={asked.item} onClose={asked.close} />}
      </Modal>
    </Page>
  );
}

function Rule({ rule, onAsk }: { rule: RetentionRule; onAsk: () => void }) {
  const { title, what } = classTexts[rule.class];
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>
          {title}: {daysText(rule.days)}
        </div>
        <div className={classes.under}>
          {what}. {boundsText(rule.namespaces)}.
        </div>
        <div className={classes.under}>
          <code>{rule.class}</code> · by default {daysText(rule.defaultDays)}
          <Changed at={rule.changedAt} />
        </div>
      </div>
      <Button
        variant="default"
        aria-label={`Change how long events of ${rule.class} are kept`}
        onClick={onAsk}
      >
        Change
      </Button>
    </div>
  );
}

function RuleForm({ rule, onClose }: { rule: RetentionRule; onClose: () => void }) {
  const put = useApiMutation('retention.put', ['retention.list', 'namespaces.retention.list']);
  const [keep, setKeep] = useState(keepOf(rule.days));
  const [isOpen, setOpen] = useState(rule.namespaces !== null);
  const [shortest, setShortest] = useState(String(rule.namespaces?.shortestDays ?? ''));
  const [longest, setLongest] = useState(String(rule.namespaces?.longestDays ?? ''));
  const days = daysOf(keep);
  const isLess = days !== undefined && isShorter(days, rule.days);
  return (
    <DialogForm
      action="Change"
      danger={isLess}
      incomplete={days === undefined}
      change={put}
      onClose={onClose}
      onSubmit={() => {
        if (days === undefined) return;
        const bounds = {
          shortestDays: Number(shortest),
          longestDays: longest === '' ? null : Number(longest),
        };
        put.mutate(
          { params: { class: rule.class }, body: { days, namespaces: isOpen ? bounds : null } },
          { onSuccess: onClose },
        );
      }}
    >
      <KeepField label="How long" value={keep} onChange={setKeep} />
      <Checkbox
        label="Owners of namespaces may choose for theirs"
        checked={isOpen}
        onChange={(event) => setOpen(event.currentTarget.checked)}
      />
      {isOpen && (
        <Stack gap="xs">
          <TextInput
            type="number"
            label="At least, in days"
            required
            withAsterisk={false}
            min={1}
            max={36_500}
            w={200}
            value={shortest}
            onChange={(event) => setShortest(event.currentTarget.value)}
          />
          <TextInput
            type="number"
            label="At most, in days (empty: for ever)"
            min={1}
            max={36_500}
            w={280}
            value={longest}
            onChange={(event) => setLongest(event.currentTarget.value)}
          />
          <Text size="xs" c="dimmed">
            A bound that is narrowed wins over what an owner chose before.
          </Text>
        </Stack>
      )}
      {isLess && <WhatGoes days={days} />}
    </DialogForm>
  );
}

/** Before something is kept for less long. */
export function WhatGoes({ days }: { days: number | null }) {
  return (
    <Notice tone="warn" title={`Events older than ${daysText(days)} go`}>
      <p>
        At the next daily run, for good. What a legal hold stands on stays, and what explains a present state.
      </p>
    </Notice>
  );
}
