/** The length of a text as the server measures it. */

/** Count characters: code points. */
export function charCount(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** Count bytes: UTF-8. */
export function byteCount(text: string): number {
  return new TextEncoder().encode(text).length
}
