/**
 * The bytes of an opened file, as a stream that can also send itself with two buffers used over and over: a stream's fresh
 * buffer for every piece costs several times what reading and sending it do. Works on plain file descriptors, because one
 * that is forgotten by a caller must not end the program when it is collected.
 */
import { close, read } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { promisify } from 'node:util';

const readInto = promisify(read);
/** Large enough that a read costs more than the call, small enough to stay in the processor's cache. */
const pieceBytes = 256 * 1024;
/** Buffers kept for the next to send: two for each of so many at once. */
const mostKept = 64;
const kept: Buffer[] = [];

const readDone = Symbol('read done');

export class FileContent extends Readable {
  readonly #fd: number;
  #at: number;
  #reading = false;
  readonly #end: number;

  /** Owns the descriptor from here on: closed when destroyed, or when everything was read or sent. */
  constructor(fd: number, { start, lengthBytes }: { start: number; lengthBytes: number }) {
    super({ highWaterMark: pieceBytes });
    this.#fd = fd;
    this.#at = start;
    this.#end = start + lengthBytes;
  }

  override _read(): void {
    const lengthBytes = Math.min(pieceBytes, this.#end - this.#at);
    if (lengthBytes === 0) {
      this.push(null);
      return;
    }
    this.#reading = true;
    read(this.#fd, Buffer.allocUnsafe(lengthBytes), 0, lengthBytes, this.#at, (error, bytesRead, buffer) => {
      this.#reading = false;
      this.emit(readDone);
      if (this.destroyed) return;
      if (error || bytesRead === 0) {
        this.destroy(error ?? shorter());
        return;
      }
      this.#at += bytesRead;
      this.push(buffer.subarray(0, bytesRead));
    });
  }

  /** Never under a read: its number could be another file's by then. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const end = (): void => close(this.#fd, (closing) => done(error ?? closing ?? null));
    if (this.#reading) this.once(readDone, end);
    else end();
  }

  /**
   * Instead of reading from it: writes everything to the target, which it does not end. Rejects when the target was closed
   * before it had taken all, or when the file could not be read. Reads ahead one piece while the last is sent.
   */
  async sendTo(target: Writable): Promise<void> {
    const buffers = [takeBuffer(), takeBuffer()] as const;
    let sending: Promise<void> = Promise.resolve();
    try {
      for (let turn = 0; this.#at < this.#end; turn++) {
        const buffer = buffers[turn % 2 === 0 ? 0 : 1];
        const most = Math.min(pieceBytes, this.#end - this.#at);
        const { bytesRead } = await readInto(this.#fd, buffer, 0, most, this.#at);
        await sending;
        if (bytesRead === 0) throw shorter();
        this.#at += bytesRead;
        sending = write(target, buffer.subarray(0, bytesRead));
        // Awaited at the next turn; until then a failure is not one that nobody heard.
        sending.catch(() => {});
      }
      await sending;
      if (kept.length < mostKept) kept.push(...buffers);
    } finally {
      this.destroy();
    }
  }
}

function takeBuffer(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
}

/** Resolves when the target has handed the bytes on, so that their buffer may be used again. */
function write(target: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the reader is gone'));
    if (target.destroyed) {
      closed();
      return;
    }
    target.once('close', closed);
    target.write(bytes, (error) => {
      target.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}

function shorter(): Error {
  return new Error('the blob is shorter than its size');
}
