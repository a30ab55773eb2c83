/** How long the events of one namespace are kept, within what the administrators allow its owner. */
import { Button, Modal } from '@mantine/core';
import type { NamespaceRetentionRule } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { Changed } from './changed.tsx';
import { classTexts, daysText, isShorter } from './forget-words.ts';
import { daysOf, KeepField, keepOf } from './keep-field.tsx';
import { WhatGoes } from './retention-page.tsx';

export function NamespaceRetention({ namespace }: { namespace: string }) {
  const query = useQuery(apiQuery('namespaces.retention.list', { params: { namespace } }));
  const follow = useApiMutation('namespaces.retention.delete', ['namespaces.retention.list']);
  const asked = useAsked<NamespaceRetentionRule>();
  return (
    <Section title="Retention" lead={`How long events of ${namespace} are kept.`}>
      <ProblemAlert error={query.error} retry={query.refetch} />
      <ProblemAlert error={follow.error} />
      {query.isPending && <Waiting />}
      {query.data && (
        <div className={classes.settings}>
          {query.data.items.map((rule) => (
            <Rule
              key={rule.class}
              rule={rule}
              onAsk={() => asked.ask(rule)}
              onFollow={() => follow.mutate({ params: { namespace, class: rule.class } })}
            />
          ))}
        </div>
      )}
      <Modal
        opened={asked.opened}
        onClose={asked.close}
        title={asked.item && `How long events of ${asked.item.class} are kept`}
      >
        {asked.opened && asked.item && (
          <ChoiceForm namespace={namespace} rule={asked.item} onClose={asked.close} />
        )}
      </Modal>
    </Section>
  );
}

type RuleProps = { rule: NamespaceRetentionRule; onAsk: () => void; onFollow: () => void };

function Rule({ rule, onAsk, onFollow }: RuleProps) {
  const { title, what } = classTexts[rule.class];
  const { bounds, chosenDays, days } = rule;
  const isOverruled = chosenDays !== undefined && chosenDays !== days;
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>
          {title}: {daysText(days)}
        </div>
        <div className={classes.under}>
          {what}. {chosenDays === undefined ? 'As the server keeps them' : 'Chosen here'}
          {isOverruled && ` (${daysText(chosenDays)}; the administrators’ bounds win)`}
          {bounds === null && ' · the server’s administrators decide this one'}
          <Changed at={rule.changedAt} />
        </div>
      </div>
      {bounds !== null && (
        <div className={classes.actions}>
          {chosenDays !== undefined && (
            <Button
              variant="default"
              aria-label={`Follow the server for events of ${rule.class}`}
              onClick={onFollow}
            >
              Follow the server
            </Button>
          )}
          <Button
            variant="default"
            aria-label={`Choose how long events of ${rule.class} are kept`}
            onClick={onAsk}
          >
            Choose
          </Button>
        </div>
      )}
    </div>
  );
}

type ChoiceProps = { namespace: string; rule: NamespaceRetentionRule; onClose: () => void };

function ChoiceForm({ namespace, rule, onClose }: ChoiceProps) {
  const put = useApiMutation('namespaces.retention.put', ['namespaces.retention.list']);
  const [keep, setKeep] = useState(keepOf(rule.days));
  const days = daysOf(keep);
  const isLess = days !== undefined && isShorter(days, rule.days);
  const longest = rule.bounds?.longestDays ?? null;
  return (
    <DialogForm
      action="Choose"
      danger={isLess}
      incomplete={days === undefined}
      change={put}
      onClose={onClose}
      onSubmit={() =>
        days !== undefined &&
        put.mutate({ params: { namespace, class: rule.class }, body: { days } }, { onSuccess: onClose })
      }
    >
      <div className={classes.under}>
        From {daysText(rule.bounds?.shortestDays ?? 1)}
        {longest === null ? ', or for ever' : ` to ${daysText(longest)}`}
      </div>
      <KeepField
        label="How long"
        value={keep}
        mayBeForEver={longest === null || rule.days === null}
        min={rule.bounds?.shortestDays ?? 1}
        max={longest ?? 36_500}
        onChange={setKeep}
      />
      {isLess && <WhatGoes days={days} />}
    </DialogForm>
  );
}
