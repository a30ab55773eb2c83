/** Every filter the trail knows: the usual ones at hand, the others a click away, the active ones as pills. */
import { Button, Collapse, MultiSelect, TagsInput, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import { CloseIcon, FilterIcon, SearchIcon } from '../../parts/icons.tsx';
import { fromLocalField, toLocalField } from '../../parts/time-text.ts';
import classes from './events.module.css';
import { filterHints, filterLabels, listOptions, typeOptions, valueText } from './filter-options.ts';
import {
  fixedFilters,
  type ListFilter,
  listFilters,
  type PlainFilter,
  plainFilters,
  type TrailFilter,
  type TrailView,
} from './trail-search.ts';
import type { TrailAddress } from './use-trail-search.ts';

const atHand = new Set<ListFilter>(['type', 'outcome', 'actor']);
/** As many as the API takes of one filter. */
const mostValues = 50;

const spans = [
  { label: 'Last hour', hours: 1 },
  { label: '24 hours', hours: 24 },
  { label: '7 days', hours: 24 * 7 },
  { label: '30 days', hours: 24 * 30 },
];

type Props = { view: TrailView; address: TrailAddress };

export function FilterBar({ view, address }: Props) {
  const { filter, setFilter, clearFilter } = address;
  const fixed = fixedFilters(view);
  const further = listFilters.filter((key) => !atHand.has(key) && !fixed.includes(key));
  const [open, setOpen] = useState(() => further.some((key) => filter[key] !== undefined));
  const panel = useId();
  return (
    <search className={classes.filters} aria-label="Filter events">
      <div className={classes.filterRow}>
        <TextSearch key={filter.text ?? ''} text={filter.text} onSearch={(text) => setFilter({ text })} />
        <ListField name="type" {...{ filter, setFilter }} />
        <ListField name="outcome" {...{ filter, setFilter }} />
        <ListField name="actor" {...{ filter, setFilter }} />
        <Button
          variant="default"
          className={classes.moreButton}
          leftSection={<FilterIcon />}
          aria-expanded={open}
          aria-controls={panel}
          onClick={() => setOpen(!open)}
        >
          {open ? 'Fewer filters' : 'All filters'}
        </Button>
      </div>
      <Collapse expanded={open} id={panel}>
        <div className={classes.filterGrid}>
          <TimeField name="from" {...{ filter, setFilter }} />
          <TimeField name="to" {...{ filter, setFilter }} />
          {further.map((name) => (
            <ListField key={name} name={name} labelled {...{ filter, setFilter }} />
          ))}
        </div>
        <div className={classes.spans}>
          <span>From the</span>
          {spans.map(({ label, hours }) => (
            <Button
              key={label}
              size="compact-xs"
              variant="default"
              onClick={() =>
                setFilter({ from: new Date(Date.now() - hours * 3_600_000).toISOString(), to: undefined })
              }
            >
              {label.toLowerCase()}
            </Button>
          ))}
          <Button
            size="compact-xs"
            variant="default"
            aria-pressed={filter.repeats === 'rows'}
            onClick={() => setFilter({ repeats: filter.repeats === 'rows' ? undefined : 'rows' })}
          >
            {filter.repeats === 'rows' ? 'Fold repeats' : 'Show closing events of repeats'}
          </Button>
        </div>
      </Collapse>
      <ActivePills {...{ filter, setFilter, clearFilter }} />
    </search>
  );
}

type FieldProps<Name> = { name: Name; filter: TrailFilter; setFilter: TrailAddress['setFilter'] };

function TextSearch({
  text,
  onSearch,
}: {
  text: string | undefined;
  onSearch: (text: string | undefined) => void;
}) {
  const [typed, setTyped] = useState(text ?? '');
  return (
    <form
      className={classes.text}
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(typed.trim() === '' ? undefined : typed.trim());
      }}
    >
      <TextInput
        type="search"
        aria-label="Words in the event"
        placeholder="Words, then Enter"
        leftSection={<SearchIcon />}
        value={typed}
        maxLength={512}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => {
          if (typed.trim() !== (text ?? '')) onSearch(typed.trim() === '' ? undefined : typed.trim());
        }}
      />
    </form>
  );
}

/** One line high whatever is chosen: the values stand as pills below the filters. */
function ListField({
  name,
  labelled = false,
  filter,
  setFilter,
}: FieldProps<ListFilter> & { labelled?: boolean }) {
  const value = filter[name] ?? [];
  const label = filterLabels[name];
  const options = name === 'type' ? typeOptions : listOptions[name];
  const hint = options === undefined ? (filterHints[name] ?? '') : 'any';
  const count = value.length;
  const shared = {
    value,
    onChange: (values: string[]): void => setFilter({ [name]: values.length === 0 ? undefined : values }),
    ...(labelled ? { label } : { 'aria-label': label }),
    placeholder: labelled
      ? count === 0
        ? hint
        : `${count} chosen`
      : `${label}: ${count === 0 ? hint : count}`,
    maxValues: mostValues,
    clearable: true,
    className: classes.field,
    classNames: { pill: classes.pillInField ?? '' },
    comboboxProps: { shadow: 'md', width: name === 'type' || name === 'reason' ? 340 : 'target' } as const,
  };
  if (options === undefined) return <TagsInput {...shared} acceptValueOnBlur />;
  return (
    <MultiSelect
      {...shared}
      data={options}
      searchable
      nothingFoundMessage="Nothing of that name"
      maxDropdownHeight={340}
    />
  );
}

function TimeField({ name, filter, setFilter }: FieldProps<'from' | 'to'>) {
  return (
    <TextInput
      key={filter[name] ?? ''}
      type="datetime-local"
      step={1}
      label={`${filterLabels[name]} (your time)`}
      defaultValue={toLocalField(filter[name])}
      onBlur={(event) => {
        const { value } = event.currentTarget;
        if (value !== toLocalField(filter[name])) setFilter({ [name]: fromLocalField(value) });
      }}
      className={classes.field}
    />
  );
}

type PillsProps = Pick<TrailAddress, 'filter' | 'setFilter' | 'clearFilter'>;

function ActivePills({ filter, setFilter, clearFilter }: PillsProps) {
  const active = [
    ...listFilters.flatMap((name) =>
      (filter[name] ?? []).map((value) => ({
        name: name as ListFilter | PlainFilter,
        value,
        without: (filter[name] ?? []).filter((other) => other !== value),
      })),
    ),
    ...plainFilters.flatMap((name) => {
      const value = filter[name];
      return value === undefined
        ? []
        : [{ name: name as ListFilter | PlainFilter, value, without: [] as string[] }];
    }),
  ];
  if (active.length === 0) return null;
  return (
    <ul className={classes.pills} aria-label="Active filters">
      {active.map(({ name, value, without }) => (
        <li key={`${name}=${value}`} className={classes.pill}>
          <span className={classes.pillName}>{filterLabels[name]}</span>
          <span className={classes.pillValue}>{valueText(name, value)}</span>
          <button
            type="button"
            aria-label={`Remove filter ${filterLabels[name]} ${valueText(name, value)}`}
            onClick={() => setFilter({ [name]: without.length === 0 ? undefined : without })}
          >
            <CloseIcon size={12} />
          </button>
        </li>
      ))}
      <li>
        <Button size="compact-xs" variant="subtle" onClick={clearFilter}>
          Clear all
        </Button>
      </li>
    </ul>
  );
}
