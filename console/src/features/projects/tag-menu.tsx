/** What can be done with a tag, behind one button. What a locked tag would refuse is not offered; why, it says. */
import { Menu } from '@mantine/core';
import type { Tag } from '@tallyman/contract';
import { useNavigate } from '@tanstack/react-router';
import { DangerItem, RowMenu } from '../../parts/row-menu.tsx';
import { whyHash } from '../immutability/why.tsx';
import type { TagWhat } from './tag-changes.tsx';

type Props = { path: string; tag: Tag; onAsk: (what: TagWhat) => void };

export function TagMenu({ path, tag, onAsk }: Props) {
  const navigate = useNavigate();
  const locked = tag.immutable !== null;
  const why = (): void =>
    void navigate({
      to: '/projects/$format/$path/tags/$tag',
      params: { format: 'container', path, tag: tag.name },
      hash: whyHash,
    });
  return (
    <RowMenu label={`Actions for ${tag.name}`}>
      <Menu.Item onClick={() => onAsk('point')}>Point another tag here</Menu.Item>
      {locked ? (
        <Menu.Item onClick={why}>Why is it immutable?</Menu.Item>
      ) : (
        <>
          <Menu.Item onClick={() => onAsk('lock')}>Lock</Menu.Item>
          <Menu.Item onClick={() => onAsk('expire')}>Set expiry</Menu.Item>
          <DangerItem onClick={() => onAsk('delete')}>Delete</DangerItem>
        </>
      )}
    </RowMenu>
  );
}
