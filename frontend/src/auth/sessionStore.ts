/** What stays of a session when the page goes: the refresh token and whose it is. Alone in a database of its own. */
import { openDB, type IDBPDatabase } from 'idb'
import type { Me } from '../core/net/protocol'

export interface Kept {
  refreshToken: string
  /** As last seen, so that the page paints before the network answers. */
  me: Me | null
}

const KEY = 'session'
let opened: Promise<IDBPDatabase> | undefined
/** Where the browser keeps nothing, the session lasts as long as the page. */
let remembered: Kept | null = null

const db = (): Promise<IDBPDatabase> =>
  (opened ??= openDB('imchat:auth', 1, {
    upgrade: (database) => void database.createObjectStore('kept'),
    terminated: () => (opened = undefined),
  }))

export async function readStoredSession(): Promise<Kept | null> {
  try {
    return ((await (await db()).get('kept', KEY)) as Kept | undefined) ?? null
  } catch {
    return remembered
  }
}

export async function writeStoredSession(kept: Kept | null): Promise<void> {
  remembered = kept
  try {
    if (kept) await (await db()).put('kept', kept, KEY)
    else await (await db()).delete('kept', KEY)
  } catch {
    // Remembered above.
  }
}
