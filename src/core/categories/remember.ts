/** What one remembered text weighs beside its characters. */
const ENTRY = 256

/**
 * A pure function of a text that remembers its results, the oldest of which go when all texts together are longer than `maxCharacters`.
 * For payloads that are read at every change of their publisher, and most of which did not change.
 */
export const remember = <T>(read: (text: string) => T, maxCharacters: number): ((text: string) => T) => {
  const known = new Map<string, { readonly result: T }>()
  let characters = 0
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found.result
    const result = read(text)
    known.set(text, { result })
    characters += text.length + ENTRY
    for (const oldest of known.keys()) {
      if (characters <= maxCharacters) break
      known.delete(oldest)
      characters -= oldest.length + ENTRY
    }
    return result
  }
}

/** Enough for some thousand different payloads of one kind; most endpoints of a deployment say the same. */
export const REMEMBERED_CHARACTERS = 8 * 1024 * 1024
