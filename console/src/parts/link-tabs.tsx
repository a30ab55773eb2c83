/** Tabs that are addresses: each is a page of its own that can be linked to. */
import { Link } from '@tanstack/react-router';
import classes from './parts.module.css';

type Tab = { to: string; label: string };

export function LinkTabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav className={classes.tabs} aria-label={label}>
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
