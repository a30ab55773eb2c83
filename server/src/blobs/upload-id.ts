/**
 * The name of a resumable upload: a UUID (RFC 9562 §4) in lower case. It becomes a file name, so this parser is the only way to one.
 */

export type UploadId = string & { readonly __brand: 'UploadId' };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function parseUploadId(text: string): UploadId | undefined {
  return uuid.test(text) ? (text as UploadId) : undefined;
}
