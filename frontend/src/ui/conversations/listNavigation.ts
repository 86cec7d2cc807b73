/** Keyboard navigation in the list of conversations: which row a key moves to. Pure functions. */

/** Letters typed within this time belong together. */
const TYPE_AHEAD_MS = 700

/** Return the index that a key moves to from the row `here`; null for other keys. */
export function indexAfterKey(key: string, here: number, count: number): number | null {
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: count - 1 }[key]
  return to !== undefined && to >= 0 && to < count ? to : null
}

/** Collects typed letters, and finds the name that begins with them. */
export class TypeAhead {
  private typed = ''
  private lastMs = -Infinity

  /** Whether the key is part of a name: a letter or digit, or a space after one. */
  accepts(key: string, nowMs: number): boolean {
    return key.length === 1 && (/[\p{L}\p{N}]/u.test(key) || (key === ' ' && nowMs - this.lastMs <= TYPE_AHEAD_MS))
  }

  /** Add a letter; return the index of the next name that begins with all letters so far, from `here` on, or null. */
  add(letter: string, here: number, names: readonly string[], nowMs: number): number | null {
    this.typed = nowMs - this.lastMs > TYPE_AHEAD_MS ? letter : this.typed + letter
    this.lastMs = nowMs
    const prefix = this.typed.toLocaleLowerCase()
    // A single letter moves on to the next such name; more letters may stay at this one.
    const first = prefix.length > 1 ? here : here + 1
    for (let step = 0; step < names.length; step++) {
      const index = (first + step) % names.length
      if (names[index]?.toLocaleLowerCase().startsWith(prefix)) return index
    }
    return null
  }
}
