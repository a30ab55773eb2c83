/**
 * Concurrent pushes, pulls and deletions that remember what was acknowledged. Each request names itself in its user
 * agent, which stands in its event: so every acknowledged request can be found in the trail, and every event's request.
 */
import { randomBytes } from 'node:crypto';
import {
  type Content,
  finishUpload,
  getManifest,
  putManifest,
  type SmallImage,
  smallImage,
} from './registry-client.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Wire, WireAnswer } from './wire.ts';

export const steps = [
  'upload begun',
  'chunk sent',
  'blob sent',
  'blob acknowledged',
  'manifest sent',
  'manifest acknowledged',
  'pull sent',
  'deletion sent',
  'deletion acknowledged',
] as const;
/** Named moments of the load, as a client sees them: where a kill can be aimed. */
export type Step = (typeof steps)[number];

export type Acknowledged = {
  agent: string;
  /** Types of which one event at least must carry the agent. */
  types: readonly string[];
  project: string;
  digest: string;
  tag?: string;
};

export class PushLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** Every agent that was ever sent. */
  readonly sent = new Set<string>();
  /** Digests of manifests whose deletion was asked for, answered or not. */
  readonly deletionsSent = new Set<string>();
  readonly #random: SeededRandom;
  readonly #parts: { authorization: string; namespace: string; onStep: (step: Step) => void };
  #stopped = false;

  constructor(parts: {
    random: SeededRandom;
    authorization: string;
    namespace: string;
    onStep: (step: Step) => void;
  }) {
    this.#random = parts.random;
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Goes on until the connection breaks or it is stopped; answers other than expected are thrown. */
  async run(wire: Wire, workers: number): Promise<void> {
    this.#stopped = false;
    await Promise.all(Array.from({ length: workers }, (_, at) => this.#work(wire, at)));
  }

  async #work(wire: Wire, worker: number): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#round(wire, worker);
      } catch (error) {
        if (isBroken(error)) return;
        throw error;
      }
    }
  }

  /** One image into one of few projects, under a tag of its own and one that all fight for. */
  async #round(wire: Wire, worker: number): Promise<void> {
    const { namespace } = this.#parts;
    const random = this.#random;
    const project = `${namespace}/${random.pick(['one', 'two', 'three'])}`;
    const image = smallImage([randomBytes(random.integer({ min: 1, max: 40_000 })), randomBytes(64)]);
    for (const blob of [...image.layers, image.config]) await this.#upload(wire, project, blob);
    const tag = random.boolean() ? 'latest' : `worker-${worker}`;
    await this.#tag(wire, { project, tag, image });
    const next = random.next();
    if (next < 0.3) await this.#pull(wire, { project, digest: image.manifest.digest });
    else if (next < 0.5) await this.#delete(wire, { project, digest: image.manifest.digest });
  }

  async #upload(wire: Wire, project: string, blob: Content): Promise<void> {
    const as = this.#as();
    const { onStep } = this.#parts;
    const begun = await wire.send({
      method: 'POST',
      path: `/v2/${project}/blobs/uploads/`,
      headers: headersOf(as),
    });
    requireStatus(begun, 202);
    onStep('upload begun');
    let location = begun.headers.location ?? '';
    let rest = blob.bytes;
    if (blob.bytes.length > 1_000 && this.#random.boolean()) {
      const half = wire.send({
        method: 'PATCH',
        path: location,
        headers: { ...headersOf(as), 'content-type': 'application/octet-stream' },
        body: blob.bytes.subarray(0, 900),
      });
      onStep('chunk sent');
      const answer = await half;
      requireStatus(answer, 202);
      location = answer.headers.location ?? location;
      rest = blob.bytes.subarray(900);
    }
    const finished = finishUpload(wire, location, { ...blob, bytes: rest }, as);
    onStep('blob sent');
    requireStatus(await finished, 201);
    const { digest } = blob;
    this.acknowledged.push({ agent: as.agent, types: ['container.blob.upload'], project, digest });
    onStep('blob acknowledged');
  }

  async #tag(wire: Wire, push: { project: string; tag: string; image: SmallImage }): Promise<void> {
    const { project, tag, image } = push;
    const as = this.#as();
    const { onStep } = this.#parts;
    const put = putManifest(wire, { project, reference: tag, manifest: image.manifest }, as);
    onStep('manifest sent');
    requireStatus(await put, 201);
    const { digest } = image.manifest;
    const types = ['container.manifest.push', 'container.tag.create container.tag.move'];
    this.acknowledged.push({ agent: as.agent, types, project, digest, tag });
    onStep('manifest acknowledged');
  }

  async #pull(wire: Wire, { project, digest }: { project: string; digest: string }): Promise<void> {
    const as = this.#as();
    const got = getManifest(wire, project, digest, as);
    this.#parts.onStep('pull sent');
    requireStatus(await got, 200);
    this.acknowledged.push({ agent: as.agent, types: ['container.manifest.pull'], project, digest });
  }

  async #delete(wire: Wire, { project, digest }: { project: string; digest: string }): Promise<void> {
    const as = this.#as();
    const { onStep } = this.#parts;
    this.deletionsSent.add(digest);
    const gone = wire.send({
      method: 'DELETE',
      path: `/v2/${project}/manifests/${digest}`,
      headers: headersOf(as),
    });
    onStep('deletion sent');
    requireStatus(await gone, 202);
    this.acknowledged.push({ agent: as.agent, types: ['container.manifest.delete'], project, digest });
    onStep('deletion acknowledged');
  }

  #as(): { authorization: string; agent: string } {
    const agent = `load/${this.sent.size + 1}`;
    this.sent.add(agent);
    return { authorization: this.#parts.authorization, agent };
  }
}

function headersOf({
  authorization,
  agent,
}: {
  authorization: string;
  agent: string;
}): Record<string, string> {
  return { authorization, 'user-agent': agent };
}

function requireStatus(answer: WireAnswer, status: number): void {
  if (answer.status === status) return;
  // What a server says that is going down is no answer to hold it to.
  if (answer.status === 503) throw Object.assign(new Error('going down'), { code: 'ECONNRESET' });
  throw new Error(`answered ${answer.status} instead of ${status}: ${answer.text}`);
}

const brokenCodes = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'HPE_INVALID_CONSTANT']);

function isBroken(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    (code !== undefined && brokenCodes.has(code)) || message === 'socket hang up' || message === 'aborted'
  );
}
