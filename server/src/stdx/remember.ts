/**
 * What was made of values that are never changed, remembered for as long as the last of them lives: for questions that come
 * again and again as the same objects. Throws as `make` does, and then remembers nothing.
 */
export function remembered<Of extends object, More extends readonly unknown[], Made>(
  make: (...from: [...more: More, of: Of]) => Made,
): (...from: [...more: More, of: Of]) => Made {
  const known = new WeakMap<Of, { more: More; made: Made }>();
  return (...from) => {
    const of = from.at(-1) as Of;
    const found = known.get(of);
    if (found?.more.every((one, at) => one === from[at])) return found.made;
    const made = make(...from);
    known.set(of, { more: from.slice(0, -1) as unknown as More, made });
    return made;
  };
}
