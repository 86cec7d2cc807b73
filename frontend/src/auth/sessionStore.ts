/** Stores the session across page loads, in a database of its own: the refresh token and the user's profile. */
import { openDB, type IDBPDatabase } from 'idb'
import type { Me } from '../core/net/protocol'
import { notKept, openedOrNull } from '../core/storage/kept'

export interface StoredSession {
  /** Distinguishes this sign-in from others: a tab with tokens of another sign-in must not use the refresh token. Older versions stored none. */
  id?: string
  refreshToken: string
  /** The last known profile, so that the page can render before the network responds; null while signing in. */
  me: Me | null
}

// These names are in users' browsers: do not change them.
const STORE = 'kept'
const KEY = 'session'
let database: Promise<IDBPDatabase | null> | undefined
/** The session that this tab last read or wrote: used if IndexedDB refuses. The session is then lost with the page. */
let known: StoredSession | null = null
/** Whether the last write was refused, so that `known` is newer than the database. */
let refused = false

const open = (): Promise<IDBPDatabase | null> =>
  (database ??= openedOrNull(() =>
    openDB('imchat:auth', 1, {
      upgrade: (db) => void db.createObjectStore(STORE),
      terminated: () => (database = undefined),
    }),
  ))

export async function readStoredSession(): Promise<StoredSession | null> {
  try {
    const db = await open()
    if (db && !refused) known = ((await db.get(STORE, KEY)) as StoredSession | undefined) ?? null
  } catch {
    // As last read or written.
  }
  return known
}

export async function writeStoredSession(session: StoredSession | null): Promise<void> {
  known = session
  try {
    const db = await open()
    if (session) await db?.put(STORE, session, KEY)
    else await db?.delete(STORE, KEY)
    refused = false
  } catch {
    refused = true
    notKept()
  }
}

/** Forget this tab's copy of a session that ended in another tab. */
export function forgetSession(): void {
  known = null
}
