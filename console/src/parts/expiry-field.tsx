/** When a credential ends: a span that is usual, a day of one's own, or never. */
import { Group, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { fromLocalField, toLocalField } from './time-text.ts';

const dayMs = 86_400_000;
const spans = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: 'own', label: 'on a day of your choice' },
  { value: 'never', label: 'never' },
];

type Props = { label: string; initial: string; onChange: (expiresAt: string | undefined) => void };

/** What `initial` stands for; a form starts with it. */
export function expiryAfter(days: number): string {
  return new Date(Date.now() + days * dayMs).toISOString();
}

export function ExpiryField({ label, initial, onChange }: Props) {
  const [span, setSpan] = useState(initial);
  const [own, setOwn] = useState(() => toLocalField(expiryAfter(30)));
  const choose = (value: string): void => {
    setSpan(value);
    if (value === 'never') onChange(undefined);
    else onChange(value === 'own' ? fromLocalField(own) : expiryAfter(Number(value)));
  };
  return (
    <Group align="flex-end" grow>
      <Select
        label={label}
        data={spans}
        value={span}
        allowDeselect={false}
        onChange={(value) => choose(value ?? initial)}
      />
      {span === 'own' && (
        <TextInput
          type="datetime-local"
          label="Ends (your time)"
          required
          value={own}
          onChange={(event) => {
            setOwn(event.currentTarget.value);
            onChange(fromLocalField(event.currentTarget.value));
          }}
        />
      )}
    </Group>
  );
}
