/** Tabs that are addresses: each is a page of its own that can be linked to. */
import { Link, useLocation } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import classes from './parts.module.css';

type Tab = { to: string; label: string };

export function LinkTabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const { pathname } = useLocation();
  const list = useRef<HTMLElement>(null);
  // On a narrow screen the tab one is on may stand outside.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is another one when the page changes.
  useEffect(() => {
    const active = list.current?.querySelector('[data-status="active"]');
    active?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [pathname]);
  return (
    <nav ref={list} className={classes.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <Link
          key={tab.to}
          to={tab.to as never}
          className={classes.tab}
          activeOptions={{ includeSearch: false }}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}

/** An address from its parts; each is one segment. */
export function address(...segments: string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}
