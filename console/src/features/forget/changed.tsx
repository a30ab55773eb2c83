/** When a rule was changed last, behind what the rule is; nothing when it never was. */
import { Time } from '../../parts/time.tsx';

export function Changed({ at }: { at: string | null }) {
  if (at === null) return null;
  return (
    <>
      {' '}
      · changed <Time at={at} />
    </>
  );
}
