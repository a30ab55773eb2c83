/** What the container host is given, and every bound it keeps, with its default. */
import type { Access } from '../access/access.ts';
import type { BlobStore } from '../blobs/store.ts';
import type { Db } from '../db/store.ts';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import type { BareChallenges } from './challenges.ts';
import type { DigestGuard } from './digest-guard.ts';
import type { PullMemory } from './pull-memory.ts';

export type ContainerLimits = {
  /** OCI distribution-spec 1.1 §Pushing Manifests asks for 4 MiB at least. */
  manifestBytes: number;
  blobBytes: number;
  /** Uploads one principal may have under way. */
  uploadsPerPrincipal: number;
  /** Tags that one manifest PUT may set. */
  tagsPerPush: number;
  /** Entries of a page of tags, projects or referrers. */
  pageEntries: number;
  /** Bytes of annotations in a page of referrers. */
  referrersPageBytes: number;
  /** Projects looked at for a blob that is to be mounted from anywhere. */
  mountCandidates: number;
  /** Scopes of one call of the token endpoint. */
  scopesPerToken: number;
  /** A pulled manifest covers the blobs of its project for so long. */
  pullCoverMs: number;
  pullCoverEntries: number;
  /** HEAD and mount renew a blob's grace time when it was last renewed longer ago than this. */
  touchEveryMs: number;
  /** Bare challenges of one source within a window, beyond which they are an event. */
  bareChallenges: number;
  bareChallengeWindowMs: number;
  bareChallengeSources: number;
};

export const containerLimits: ContainerLimits = {
  manifestBytes: 4 * 1024 * 1024,
  blobBytes: 20 * 1024 ** 3,
  uploadsPerPrincipal: 1_000,
  tagsPerPush: 100,
  pageEntries: 1_000,
  referrersPageBytes: 2 * 1024 * 1024,
  mountCandidates: 50,
  scopesPerToken: 20,
  pullCoverMs: 3_600_000,
  pullCoverEntries: 50_000,
  touchEveryMs: 5 * 60_000,
  bareChallenges: 20,
  bareChallengeWindowMs: 10 * 60_000,
  bareChallengeSources: 10_000,
};

export type ContainerParts = {
  db: Db;
  trail: Trail;
  clock: Clock;
  identity: Pick<Identity, 'authenticate' | 'issueRegistryToken' | 'recordRegistrySignIn'>;
  access: Pick<Access, 'findNamespace' | 'findProject' | 'decide' | 'scopeOf'>;
  blobs: BlobStore;
  /** Shared with garbage collection, which must not delete bytes that an upload is about to show. */
  guard: DigestGuard;
  /** Without a slash at its end: the realm of challenges. */
  publicUrl: string;
};

/** The parts with what the host remembers between requests. */
export type Host = ContainerParts & {
  limits: ContainerLimits;
  pulls: PullMemory;
  challenges: BareChallenges;
};
