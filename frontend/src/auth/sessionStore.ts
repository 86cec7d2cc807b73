/** Stores the session across page loads, in a database of its own: the refresh token and the user's profile. */
import { openDB, type IDBPDatabase } from 'idb'
import type { Me } from '../core/net/protocol'

export interface StoredSession {
  refreshToken: string
  /** The last known profile, so that the page can render before the network responds. */
  me: Me | null
}

// These names are in users' browsers: do not change them.
const STORE = 'kept'
const KEY = 'session'
let database: Promise<IDBPDatabase> | undefined
/** Used if IndexedDB is not available: the session then ends with the page. */
let inMemory: StoredSession | null = null

const open = (): Promise<IDBPDatabase> =>
  (database ??= openDB('imchat:auth', 1, {
    upgrade: (db) => void db.createObjectStore(STORE),
    terminated: () => (database = undefined),
  }))

export async function readStoredSession(): Promise<StoredSession | null> {
  try {
    return ((await (await open()).get(STORE, KEY)) as StoredSession | undefined) ?? null
  } catch {
    return inMemory
  }
}

export async function writeStoredSession(session: StoredSession | null): Promise<void> {
  inMemory = session
  try {
    if (session) await (await open()).put(STORE, session, KEY)
    else await (await open()).delete(STORE, KEY)
  } catch {
    // Held in memory.
  }
}
