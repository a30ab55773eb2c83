/** A new or a changed policy. What it would lock is shown before it is saved. */
import { SegmentedControl, Text, Textarea, TextInput } from '@mantine/core';
import { type Policy, type PolicyPreview, policyLimits } from '@tallyman/contract';
import { useEffect, useRef, useState } from 'react';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Notice } from '../../parts/notice.tsx';
import classes from './immutability.module.css';
import { faultIn, previewWords } from './policy-words.ts';
import { type PolicyPlace, placeText, usePolicyChanges } from './use-policies.ts';

type Props = {
  place: PolicyPlace;
  /** The one that is changed. */
  policy?: Policy;
  onClose: () => void;
};

export function PolicyForm({ place, policy, onClose }: Props) {
  const { preview, create, put } = usePolicyChanges(place);
  const [pattern, setPattern] = useState(policy?.pattern ?? '');
  const [matches, setMatches] = useState(policy?.matches ?? true);
  const [description, setDescription] = useState(policy?.description ?? '');
  const shown = preview.variables?.body;
  const isShown = preview.isSuccess && shown?.pattern === pattern && shown.matches === matches;
  const isSameNames = policy !== undefined && policy.pattern === pattern && policy.matches === matches;
  const asks = !isShown && !isSameNames;
  const save = policy === undefined ? create : put;
  const change = asks ? preview : save;
  const fault = useFault(change.error, pattern);
  return (
    <DialogForm
      action={asks ? 'Preview' : policy === undefined ? 'Create policy' : 'Change policy'}
      danger={isShown && previewWords(preview.data, '').everything}
      change={{ isPending: change.isPending, error: fault.told === undefined ? change.error : null }}
      onClose={onClose}
      onSubmit={() => {
        const body = { pattern, matches, description };
        if (asks) preview.ask(body);
        else if (policy === undefined) create.ask(body, { onSuccess: onClose });
        else put.ask(policy.id, body, { onSuccess: onClose });
      }}
    >
      <SegmentedControl
        fullWidth
        aria-label="Which tags it locks"
        value={matches ? 'matching' : 'others'}
        onChange={(value) => setMatches(value === 'matching')}
        data={[
          { value: 'matching', label: 'Tags that match' },
          { value: 'others', label: 'All that do not match' },
        ]}
      />
      <div>
        <TextInput
          ref={fault.input}
          label="Pattern"
          description="A regular expression in RE2 syntax. It has to match the whole name: v\d+ matches v1, and neither v1.2 nor dev1"
          required
          withAsterisk={false}
          maxLength={policyLimits.patternChars}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          classNames={{ input: classes.pattern ?? '' }}
          data-autofocus
          value={pattern}
          error={fault.told?.text}
          onChange={(event) => {
            setPattern(event.currentTarget.value);
            if (change.error !== null) change.reset();
          }}
        />
        {fault.told?.position !== undefined && <Fault pattern={pattern} position={fault.told.position} />}
      </div>
      <Textarea
        label="Description"
        description="What it is for; shown to whoever asks why a tag is immutable"
        maxLength={500}
        autosize
        minRows={2}
        maxRows={5}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <div role="status">{isShown && <Preview preview={preview.data} place={place} />}</div>
      {policy !== undefined && !isSameNames && (
        <Text size="xs" c="dimmed">
          What it locked before and no longer calls for stays locked. When its run is done you are told how
          many tags these are, and can release them.
        </Text>
      )}
    </DialogForm>
  );
}

/** A fault of the pattern is told at its field, and the place is selected there. */
function useFault(error: unknown, pattern: string) {
  const input = useRef<HTMLInputElement>(null);
  const told = faultIn(error);
  const position = told?.position;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each error, not for each letter typed after it.
  useEffect(() => {
    if (told === undefined) return;
    input.current?.focus();
    if (position !== undefined)
      input.current?.setSelectionRange(position, Math.min(position + 1, pattern.length));
  }, [error]);
  return { input, told };
}

/** The pattern with the place marked; the text above says the position in words. */
function Fault({ pattern, position }: { pattern: string; position: number }) {
  return (
    <code className={classes.fault} aria-hidden="true">
      {pattern.slice(0, position)}
      <mark>{pattern.slice(position, position + 1) || '…'}</mark>
      {pattern.slice(position + 1)}
    </code>
  );
}

function Preview({ preview, place }: { preview: PolicyPreview; place: PolicyPlace }) {
  const { title, text, everything } = previewWords(preview, placeText(place));
  const { sample, wouldLock } = preview;
  return (
    <Notice tone={everything ? 'warn' : 'good'} title={title}>
      <p>{text}</p>
      {sample.length > 0 && (
        <ul className={classes.sample} aria-label="Tags that it would lock">
          {sample.map(({ project, tag }) => (
            <li key={`${project}:${tag}`}>
              {project}:{tag}
            </li>
          ))}
          {wouldLock > sample.length && <li>and {(wouldLock - sample.length).toLocaleString('en')} more</li>}
        </ul>
      )}
    </Notice>
  );
}
