/** The four switches of failure auditing, of the server or of one namespace. */
import { Select, Text } from '@mantine/core';
import { type Switch, type SwitchList, switchTexts } from '@tallyman/contract';
import { Confirm } from '../../parts/confirm.tsx';
import { Notice } from '../../parts/notice.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import classes from '../../parts/parts.module.css';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';

type Mode = Switch['mode'];

type Props = {
  list: SwitchList;
  /** Modes that can be chosen here. */
  modes: readonly Mode[];
  place: string;
  change: { isPending: boolean; error: unknown; reset: () => void };
  onChange: (name: Switch['name'], mode: Mode, onDone: () => void) => void;
};

const modeTexts: Record<Mode, string> = {
  on: 'On',
  off: 'Off',
  namespace: 'Each namespace’s owner decides',
};

export function SwitchSettings({ list, modes, place, change, onChange }: Props) {
  const { item, opened, ask, close } = useAsked<{ name: Switch['name']; mode: Mode }>();
  return (
    <>
      <Notice tone="warn" title="What it costs">
        <p>{list.warning}</p>
      </Notice>
      <div className={classes.settings}>
        {list.items.map((one) => (
          <SwitchRow
            key={one.name}
            item={one}
            modes={modes}
            onAsk={(mode) => ask({ name: one.name, mode })}
          />
        ))}
      </div>
      <Confirm
        opened={opened}
        title={item === undefined ? '' : questionText(item.mode)}
        action={item === undefined ? '' : actionText(item.mode)}
        change={change}
        onClose={close}
        onConfirm={() => item && onChange(item.name, item.mode, close)}
      >
        {item && (
          <>
            <Text size="sm">
              {switchTexts[item.name]}, {place}.
            </Text>
            <Text size="sm" mt="xs">
              {consequences[item.mode]}
            </Text>
          </>
        )}
      </Confirm>
    </>
  );
}

function SwitchRow({
  item,
  modes,
  onAsk,
}: {
  item: Switch;
  modes: readonly Mode[];
  onAsk: (mode: Mode) => void;
}) {
  const options = modes.includes(item.mode) ? modes : [...modes, item.mode];
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>
          {switchTexts[item.name]}{' '}
          <StateBadge
            text={item.recording ? 'recording' : 'not recording'}
            tone={item.recording ? 'good' : 'warn'}
          />
        </div>
        <div className={classes.under}>
          <code>{item.name}</code>
          {item.changedAt !== null && (
            <>
              {' '}
              · changed <Time at={item.changedAt} />
            </>
          )}
          {!item.settable && ' · the server’s administrators decide this one'}
        </div>
      </div>
      <Select
        aria-label={switchTexts[item.name]}
        data={options.map((value) => ({ value, label: modeTexts[value] }))}
        value={item.mode}
        disabled={!item.settable}
        allowDeselect={false}
        w={270}
        onChange={(value) => value !== null && value !== item.mode && onAsk(value as Mode)}
      />
    </div>
  );
}

function questionText(mode: Mode): string {
  if (mode === 'on') return 'Record these refusals?';
  return mode === 'off' ? 'Stop recording these refusals?' : 'Leave it to the owners?';
}

function actionText(mode: Mode): string {
  if (mode === 'on') return 'Turn on';
  return mode === 'off' ? 'Turn off' : 'Leave it to them';
}

const consequences: Record<Mode, string> = {
  on: 'Each such refusal becomes an event, the first at once, its repeats counted. It adds traffic, and a flood of refusals can slow the database.',
  off: 'From now on such refusals leave no event. They are still counted, and the count stands in the event that turns it on again.',
  namespace:
    'The owner of each namespace decides for what happens there; until one does, it is on. Refusals that belong to no namespace stay recorded.',
};
