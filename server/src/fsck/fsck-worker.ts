/** The thread of self-audit.ts: one pass, and its report. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../stdx/clock.ts';
import { workInBackground } from '../stdx/priority.ts';
import { type FsckPlace, runFsck } from './fsck.ts';

export type FsckOrder = { place: FsckPlace; share: number };

workInBackground();
const { place, share } = workerData as FsckOrder;
parentPort?.postMessage(await runFsck(place, { clock: systemClock(), share, beside: true }));
