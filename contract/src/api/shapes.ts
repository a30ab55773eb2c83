/** Shapes that several nouns of the API share: names, ids, times, pages. */
import { z } from 'zod';
import { timestampSchema } from '../event.ts';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const nameHint = 'must be lower-case letters and digits, separated by single ".", "_", "__" or dashes';

export const idSchema = z.uuid();
/** A user's or an organisation's name, or the short name of a robot. */
export const nameSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(new RegExp(`^${component}$`), nameHint);
/** The name of a project without its namespace; may hold slashes. */
export const projectNameSchema = z
  .string()
  .min(1)
  .max(253)
  .regex(new RegExp(`^${component}(?:/${component})*$`), nameHint);
/** `namespace/name`; in a URL it is percent-encoded as one segment: `team%2Fapp`. */
export const projectPathSchema = z
  .string()
  .min(3)
  .max(255)
  .regex(new RegExp(`^${component}(?:/${component})+$`), 'must be namespace/name in lower case');
export const tagNameSchema = z
  .string()
  .regex(
    /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/,
    'must be a tag: at most 128 letters, digits, "_", "." or "-"',
  );
export const digestSchema = z
  .string()
  .regex(/^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/, 'must be a sha256 or sha512 digest');
/** A name that people give to a token, a session or an application. */
export const labelSchema = z.string().trim().min(1).max(100);
export const textSchema = z.string().trim().max(500);
/** Part of a name that is looked for. PostgreSQL takes no NUL in a text. */
export const partSchema = (mostChars: number) =>
  z
    .string()
    .min(1)
    .max(mostChars)
    .refine((text) => !text.includes('\0'), 'must not hold the character NUL');
export const emailSchema = z.email().max(254);
export const passwordSchema = z.string().min(8, 'must have at least 8 characters').max(512);

/** An answer's time: UTC with six fraction digits. */
export const timeSchema = timestampSchema;
/** A caller's time: RFC 3339, any precision, any offset. */
export const timeInputSchema = z.iso.datetime({
  offset: true,
  error: 'must be a time such as 2026-11-22T04:24:43Z',
});

export const pageQuery = {
  /** `next` of the page before. Opaque. */
  cursor: z.string().min(1).max(1024).optional(),
  limit: z.coerce.number<number | string>().int().min(1).max(200).default(50),
};

/** A list's page; `next` is null on the last one. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable() });

export const systemRoleSchema = z.enum(['admin', 'auditor']);
export const projectRoleSchema = z.enum(['reader', 'maintainer', 'owner']);
/** A role somebody holds; `none` where nothing was granted. */
export const heldRoleSchema = z.enum(['none', 'reader', 'maintainer', 'owner']);
export const memberRoleSchema = z.enum(['owner', 'member']);
export const visibilitySchema = z.enum(['private', 'public']);
export const subjectKindSchema = z.enum(['user', 'robot']);
/** Who a role is granted to: a user's name, or `owner+name` of a robot. */
export const subjectNameSchema = z
  .string()
  .min(1)
  .max(129)
  .regex(new RegExp(`^${component}(?:\\+${component})?$`), 'must be a user name, or owner+name of a robot');

/** Somebody or something referred to, with its stable id. */
export const referenceSchema = z.strictObject({ id: z.string(), name: z.string() });
