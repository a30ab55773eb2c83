/** What can be done with a row, behind one button. */
import { ActionIcon, Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { MoreIcon } from './icons.tsx';
import classes from './parts.module.css';

export function RowMenu({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.rowActions}>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label}>
            <MoreIcon size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>{children}</Menu.Dropdown>
      </Menu>
    </div>
  );
}

/** What ends or removes something. */
export function DangerItem(props: { onClick: () => void; children: ReactNode }) {
  return <Menu.Item className={classes.danger ?? ''} {...props} />;
}
