/** Whether the browser stores data, and access to localStorage that does nothing if the browser refuses. */
import { signal } from '@preact/signals'
import { sleep } from '../platform/time'

/** False once the browser refused to store something: drafts, unsent messages and the session are then lost with the page. */
export const isKept = signal(true)

/** Record that the browser refused to store something. */
export function notKept(): void {
  isKept.value = false
}

// Reading the property can throw (blocked cookies), and it is null in some embedded browsers.
const withStorage = <T>(work: (storage: Storage) => T, fallback: T): T => {
  try {
    return work(localStorage)
  } catch {
    notKept()
    return fallback
  }
}

export const readLocal = (key: string): string | null => withStorage((storage) => storage.getItem(key), null)

export const writeLocal = (key: string, value: string): void => withStorage((storage) => storage.setItem(key, value), undefined)

export const removeLocal = (key: string): void => withStorage((storage) => storage.removeItem(key), undefined)

/** Delete the entries whose key `matches`. */
export const removeLocalKeys = (matches: (key: string) => boolean): void =>
  withStorage((storage) => {
    for (const key of Object.keys(storage)) if (matches(key)) storage.removeItem(key)
  }, undefined)

/** How long to wait for a database to open. Some browsers never answer the request; the client then starts without it. */
const OPEN_MS = 10_000

/** Open a database with `open`; resolves to null if the browser refuses or does not answer. */
export async function openedOrNull<T extends { close(): void }>(open: () => Promise<T>): Promise<T | null> {
  // `open` throws where there is no IndexedDB.
  const opening = (async () => open())().catch(() => null)
  const timeout = sleep(OPEN_MS).then(() => null)
  const db = await Promise.race([opening, timeout])
  if (!db) {
    notKept()
    void opening.then((late) => late?.close())
  }
  return db
}
