/** The four switches of failure auditing: the server's, and a namespace's where the server leaves them to its owner. */
import { type SwitchList, type SwitchName, switchNames, switchWarning } from '@tallyman/contract';
import type { Access } from '../access/access.ts';
import type { Namespace } from '../access/model.ts';
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { SwitchMode } from '../trail/switches.ts';
import type { Trail } from '../trail/trail.ts';
import type { ApiHandlers } from './call.ts';
import { selectSettings } from './rows.ts';

export type SwitchParts = {
  db: Db;
  clock: Clock;
  trail: Pick<Trail, 'record' | 'switches'>;
  access: Pick<Access, 'scopeOf'>;
};

export function switchHandlers(
  parts: SwitchParts,
): ApiHandlers<'switches.list' | 'switches.put' | 'namespaces.switches.list' | 'namespaces.switches.put'> {
  return {
    'switches.list': async () => listSwitches(parts, undefined),
    'switches.put': async ({ caller, params, body }) => {
      await putSwitch(parts, caller, { name: params.switch, mode: body.mode, namespace: undefined });
      return listSwitches(parts, undefined);
    },
    'namespaces.switches.list': async ({ namespace }) => listSwitches(parts, namespace),
    'namespaces.switches.put': async ({ caller, namespace, params, body }) => {
      if (parts.trail.switches.get(params.switch) !== 'namespace') {
        throw new AppError(
          'conflict',
          'An administrator has set this switch for the whole server, so it cannot be set here.',
          {
            reason: 'conflict',
          },
        );
      }
      await putSwitch(parts, caller, { name: params.switch, mode: body.mode, namespace });
      return listSwitches(parts, namespace);
    },
  };
}

async function listSwitches(
  { db, trail }: SwitchParts,
  namespace: Namespace | undefined,
): Promise<SwitchList> {
  const { switches } = trail;
  const stored = await selectSettings(db.read, {
    namespaceId: namespace?.id ?? '',
    keys: switchNames.map((name) => `audit.${name}`),
  });
  const items = switchNames.map((name) => {
    const changedAtUs = stored.get(`audit.${name}`)?.changedAtUs;
    return {
      name,
      mode: switches.get(name, namespace?.id),
      recording: switches.isOn(name, namespace?.id),
      settable: namespace === undefined || switches.get(name) === 'namespace',
      changedAt: changedAtUs === undefined ? null : formatUs(changedAtUs),
    };
  });
  return { items, warning: switchWarning };
}

/** The mode and its event commit together; setting what is set already is neither. Units on one switch are serial. */
async function putSwitch(
  { db, clock, trail, access }: SwitchParts,
  by: Performer,
  change: { name: SwitchName; mode: SwitchMode; namespace: Namespace | undefined },
): Promise<void> {
  const { name, mode, namespace } = change;
  const namespaceId = namespace?.id ?? '';
  await db.transact(async (tx) => {
    await tx.lock(`switch ${namespaceId} ${name}`);
    if (trail.switches.get(name, namespaceId) === mode) return;
    const { from, unrecorded } = await trail.switches.put(tx, {
      name,
      namespaceId,
      mode,
      nowUs: clock.nowUs(),
    });
    trail.record(tx, {
      type: 'trail.switch.change',
      by,
      scope: namespace === undefined ? {} : access.scopeOf(namespace),
      target: { kind: 'switch', id: name },
      details: { group: name, mode: { from, to: mode }, ...(unrecorded > 0 && { unrecorded }) },
    });
  });
}
