/** The management API as one plugin: every noun's handlers, bound to the contract's table. */
import type { ApiRouteId } from '@tallyman/contract';
import type { FastifyPluginAsync } from 'fastify';
import type { Access } from '../access/access.ts';
import { tryFinishDeletion } from '../access/deletions.ts';
import type { DeleteContent } from '../access/projects.ts';
import { endRightsOfRobot, endRightsOfUser } from '../access/rights.ts';
import type { Db } from '../db/store.ts';
import type { Identity } from '../identity/identity.ts';
import type { ErasureParts } from '../jobs/erasures.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Log } from '../trail/log/log.ts';
import type { Search } from '../trail/search.ts';
import type { Trail } from '../trail/trail.ts';
import { applicationHandlers } from './applications.ts';
import { backupHandlers } from './backups.ts';
import type { ApiHandlers } from './call.ts';
import { type ContainerNouns, containerHandlers } from './container-nouns.ts';
import { erasureHandlers } from './erasures.ts';
import { eventHandlers } from './events.ts';
import { type ImmutabilityParts, immutabilityHandlers } from './immutability.ts';
import { jobHandlers } from './jobs.ts';
import { logHandlers } from './log.ts';
import { meHandlers } from './me.ts';
import { namespaceHandlers } from './namespaces.ts';
import { organisationHandlers } from './organisations.ts';
import { projectHandlers } from './projects.ts';
import { retentionHandlers } from './retention.ts';
import { robotHandlers } from './robots.ts';
import { roleHandlers } from './roles.ts';
import { bindRoutes } from './routes.ts';
import { type SessionParts, sessionHandlers } from './session.ts';
import { settingHandlers } from './settings.ts';
import { switchHandlers } from './switches.ts';
import { tokenHandlers } from './tokens.ts';
import { userHandlers } from './users.ts';

export type ApiParts = {
  db: Db;
  clock: Clock;
  trail: Trail;
  search: Search;
  eventLog: Log;
  identity: Identity;
  access: Access;
  jobs: Jobs;
  erasures: ErasureParts;
  /** What the container host does for this API; hosts never import each other. */
  containers: ContainerNouns & ImmutabilityParts['containers'] & { deleteContent: DeleteContent };
  /** Without a slash at its end. */
  publicUrl: string;
  version: string;
  formats: SessionParts['formats'];
  setupCode?: SessionParts['setupCode'];
  callsPerMinute?: number;
};

export function apiRoutes(parts: ApiParts): FastifyPluginAsync {
  return bindRoutes({ ...parts, handlers: handlersOf(parts) });
}

function handlersOf(parts: ApiParts): ApiHandlers<ApiRouteId> {
  const { deleteContent } = parts.containers;
  return {
    ...sessionHandlers(parts),
    ...meHandlers(parts),
    ...tokenHandlers(parts),
    ...userHandlers({
      ...parts,
      endUserRights: (by, user) => endRightsOfUser(parts, { by, userId: user.id, deleteContent }),
      finishUserDeletion: (by, user) => tryFinishDeletion(parts, { by, namespaceId: user.id, deleteContent }),
    }),
    ...organisationHandlers({ ...parts, deleteContent }),
    ...applicationHandlers(parts),
    ...robotHandlers({
      ...parts,
      endRobotRights: (by, robot) => endRightsOfRobot(parts, { by, robotId: robot.id }),
    }),
    ...namespaceHandlers(parts),
    ...roleHandlers(parts),
    ...projectHandlers({ ...parts, deleteContent }),
    ...containerHandlers(parts),
    ...immutabilityHandlers(parts),
    ...eventHandlers(parts),
    ...logHandlers(parts),
    ...backupHandlers(parts),
    ...switchHandlers(parts),
    ...settingHandlers(parts),
    ...retentionHandlers(parts),
    ...erasureHandlers(parts),
    ...jobHandlers(parts),
  };
}
