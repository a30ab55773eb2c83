/** Robots of a user or an organisation. */
import type { Robot } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import type { Identity } from '../identity/identity.ts';
import {
  createRobot,
  deleteRobot,
  disableRobot,
  enableRobot,
  findRobotByName,
  listRobots,
  type RobotDeletion,
  type Robot as RobotState,
  rotateRobotToken,
} from '../identity/robots.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { parseTime, timeOrNull } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

export type RobotParts = {
  identity: Pick<Identity, 'parts'>;
  /** Ends the roles a robot holds, in the unit that deletes it. */
  endRobotRights(by: Performer, robot: { id: string; name: string }): RobotDeletion['endRights'];
};

type RobotRoutes = `robots.${'list' | 'create' | 'get' | 'rotate' | 'disable' | 'enable' | 'delete'}`;

export function robotHandlers({ identity, endRobotRights }: RobotParts): ApiHandlers<RobotRoutes> {
  const store = identity.parts;
  const get = async (namespace: { id: string }, name: string): Promise<RobotState> => {
    const robot = await findRobotByName(store, { namespaceId: namespace.id, name });
    if (robot === undefined)
      throw new AppError('not_found', 'There is no such robot.', { reason: 'unknown_robot' });
    return robot;
  };
  return {
    'robots.list': async ({ namespace, query }) => {
      const { robots, next } = await listRobots(store, { namespaceId: namespace.id, ...pageOf(query) });
      return { items: robots.map(viewRobot), next: nextOf(next) };
    },
    'robots.create': async ({ caller, namespace, body }) => {
      const { name, description, expiresAt } = body;
      const optional = { ...(description && { description }), ...parseTime(expiresAt, 'expiresAt') };
      const { robot, secret } = await createRobot(store, {
        by: caller,
        namespaceId: namespace.id,
        name,
        ...optional,
      });
      return { robot: viewRobot(robot), secret: secret.reveal() };
    },
    'robots.get': async ({ namespace, params }) => viewRobot(await get(namespace, params.robot)),
    'robots.rotate': async ({ caller, namespace, params, body }) => {
      const { id: robotId } = await get(namespace, params.robot);
      const expiry = parseTime(body.expiresAt, 'expiresAt');
      const { robot, secret } = await rotateRobotToken(store, { by: caller, robotId, ...expiry });
      return { robot: viewRobot(robot), secret: secret.reveal() };
    },
    'robots.disable': async ({ caller, namespace, params }) =>
      viewRobot(await disableRobot(store, { by: caller, robotId: (await get(namespace, params.robot)).id })),
    'robots.enable': async ({ caller, namespace, params }) =>
      viewRobot(await enableRobot(store, { by: caller, robotId: (await get(namespace, params.robot)).id })),
    'robots.delete': async ({ caller, namespace, params }) => {
      const robot = await get(namespace, params.robot);
      await deleteRobot(store, { by: caller, robotId: robot.id, endRights: endRobotRights(caller, robot) });
    },
  };
}

function viewRobot(robot: RobotState): Robot {
  const { credentialId } = robot;
  return {
    id: robot.id,
    name: robot.name,
    description: robot.description ?? null,
    createdAt: formatUs(robot.createdAtUs),
    disabled: robot.isDisabled,
    token:
      credentialId === undefined
        ? null
        : {
            id: credentialId,
            expiresAt: timeOrNull(robot.expiresAtUs),
            lastUsedAt: timeOrNull(robot.lastUsedAtUs),
            lastUsedSource: robot.lastUsedSource ?? null,
          },
  };
}
