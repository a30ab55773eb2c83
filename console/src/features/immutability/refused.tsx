/** A refusal because a tag is immutable, in whatever dialog it comes: with the way to the answer why. */
import type { ReactNode } from 'react';
import { isApiError } from '../../api/problem.ts';
import { WhyLink } from './why.tsx';

/** For the dialogs of one project. `onFollow` closes the dialog, which may stand on the very page that answers. */
export function explainImmutable(path: string, onFollow: () => void): (error: unknown) => ReactNode {
  return (error) => {
    if (!isApiError(error) || error.problem.reason !== 'tag_immutable') return null;
    const { tag } = error.problem;
    return typeof tag === 'string' && <WhyLink {...{ path, tag, onFollow }} />;
  };
}
