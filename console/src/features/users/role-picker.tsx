/** The roles a user may hold on the whole server. */
import { Checkbox, Stack } from '@mantine/core';
import type { User } from '@tallyman/contract';

type Role = User['roles'][number];

export function RolePicker({ roles, onChange }: { roles: Role[]; onChange: (roles: Role[]) => void }) {
  return (
    <Checkbox.Group label="Roles" value={roles} onChange={(value) => onChange(value as Role[])}>
      <Stack gap={6} mt={6}>
        <Checkbox value="admin" label="Administrator: everything on this server" />
        <Checkbox value="auditor" label="Auditor: reads every event, no content" />
      </Stack>
    </Checkbox.Group>
  );
}
