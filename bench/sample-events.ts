/** Realistic events to write: pulls and refusals with the names, agents and digests a busy registry sees. */
import { createHash } from 'node:crypto';
import type { EventDraft } from '../server/src/trail/draft.ts';
import { createSeededRandom, type SeededRandom } from '../tests/support/seeded-random.ts';

export type Samples = {
  next(): EventDraft;
  namespaceOf(at: number): { kind: 'organisation'; id: string; name: string };
};

const agents = [
  'skopeo/1.9.3',
  'containers/5.23.1 (github.com/containers/image)',
  'docker/28.2.2 go/go1.24.3 os/linux arch/amd64',
];

/** Skewed: a few busy projects and robots, a long tail of others. Ids are stable for a seed. */
export function sampleEvents(seed = 1, size = { namespaces: 40, projects: 400, actors: 200 }): Samples {
  const random = createSeededRandom(seed);
  const id = (kind: string, at: number) => uuidOf(`${kind}${at}`);
  const namespaceOf = (at: number) => ({
    id: id('namespace', at),
    kind: 'organisation' as const,
    name: `organisation-${at}`,
  });
  return {
    namespaceOf,
    next() {
      const namespace = skewed(random, size.namespaces);
      const project = skewed(random, size.projects);
      const actor = skewed(random, size.actors);
      const digest = `sha256:${createHash('sha256')
        .update(String(project % 97))
        .digest('hex')}`;
      return {
        type: 'container.manifest.pull',
        by: {
          actor: { kind: 'user', id: id('user', actor), name: `user-${actor}`, proven: true },
          credential: { kind: 'access_token', id: id('token', actor), name: `laptop-${actor}` },
          request: {
            id: id('request', random.integer({ min: 0, max: 1_000_000 })),
            ip: `10.${actor % 256}.${project % 256}.${random.integer({ min: 1, max: 254 })}`,
            method: 'GET',
            protocol: 'http',
            route: '/v2/{name}/manifests/{reference}',
            status: 200,
            userAgent: random.pick(agents),
          },
        },
        scope: {
          namespace: {
            id: id('namespace', namespace),
            kind: 'organisation',
            name: `organisation-${namespace}`,
          },
          project: {
            format: 'container',
            id: id('project', project),
            path: `organisation-${namespace}/service-${project}`,
          },
        },
        target: { id: digest, kind: 'manifest' },
        details: {
          by: 'tag',
          digest,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          reference: `v1.${project % 30}`,
        },
      };
    },
  };
}

function skewed(random: SeededRandom, size: number): number {
  return Math.floor(size * random.next() ** 3);
}

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
