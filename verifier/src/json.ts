/** The JSON that an event may hold: no null (a field that is absent is left out) and, of numbers, safe integers. */
export type Json = string | number | boolean | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** An event nests at most so many objects and arrays, the event itself being the first. */
export const maxDepth = 32;
/** Bytes of a public body in UTF-8. */
export const maxBodyBytes = 32_768;
/** Bytes of a private row in UTF-8. */
export const maxPrivateBytes = 65_536;
/** The key that marks a commitment; in an event it may be used for nothing else. */
export const commitmentKey = '#';
