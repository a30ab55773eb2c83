/** How long: for ever, or a number of days. */
import { Group, SegmentedControl, TextInput } from '@mantine/core';

export type Keep = { forEver: boolean; days: string };

type Props = {
  label: string;
  value: Keep;
  /** Whether for ever may be chosen. */
  mayBeForEver?: boolean;
  min?: number;
  max?: number;
  onChange: (value: Keep) => void;
};

export const keepOf = (days: number | null): Keep => ({
  forEver: days === null,
  days: days === null ? '' : String(days),
});
/** null = for ever; undefined while no number stands there. */
export function daysOf({ forEver, days }: Keep): number | null | undefined {
  if (forEver) return null;
  return /^\d{1,5}$/.test(days) && Number(days) > 0 ? Number(days) : undefined;
}

export function KeepField({ label, value, mayBeForEver = true, min = 1, max = 36_500, onChange }: Props) {
  return (
    <Group align="flex-end" gap="sm" role="group" aria-label={label}>
      {mayBeForEver && (
        <SegmentedControl
          aria-label={label}
          value={value.forEver ? 'ever' : 'days'}
          onChange={(chosen) => onChange({ ...value, forEver: chosen === 'ever' })}
          data={[
            { value: 'days', label: 'For a time' },
            { value: 'ever', label: 'For ever' },
          ]}
        />
      )}
      {!value.forEver && (
        <TextInput
          type="number"
          label="Days"
          required
          withAsterisk={false}
          min={min}
          max={max}
          w={110}
          value={value.days}
          onChange={(event) => onChange({ ...value, days: event.currentTarget.value })}
        />
      )}
    </Group>
  );
}
