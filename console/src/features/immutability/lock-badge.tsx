/** That a tag is immutable, and what made it so: by word and shape, not by colour alone. */
import type { Tag } from '@tallyman/contract';
import { LockIcon } from '../../parts/icons.tsx';
import parts from '../../parts/parts.module.css';

const texts = { policy: 'Immutable, by policy', manual: 'Immutable, by hand' } as const;

export function LockBadge({ immutable }: Pick<Tag, 'immutable'>) {
  if (immutable === null) return null;
  return (
    <span className={parts.outcome}>
      <LockIcon size={13} />
      {texts[immutable]}
    </span>
  );
}
