/** Narrows a list while one types. */
import { TextInput } from '@mantine/core';
import { SearchIcon } from './icons.tsx';

type Props = { label: string; text: string; maxLength: number; onSearch: (text: string) => void };

export function SearchField({ label, text, maxLength, onSearch }: Props) {
  return (
    <TextInput
      aria-label={label}
      placeholder={label}
      type="search"
      leftSection={<SearchIcon />}
      value={text}
      maw={320}
      mb="sm"
      maxLength={maxLength}
      autoCapitalize="none"
      spellCheck={false}
      onChange={(event) => onSearch(event.currentTarget.value.trim())}
    />
  );
}
