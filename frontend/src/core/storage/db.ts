/** The user's data in IndexedDB: a cache of conversations, and the outbox. Never tokens. */
import type { DBSchema, IDBPDatabase } from 'idb'
import { deleteDB, openDB } from 'idb'
import type { ConversationEntry, Event, User } from '../net/protocol'
import type { OutgoingMessage } from '../net/types'
import { deleteDrafts } from './drafts'
import { notKept, openedOrNull } from './kept'

/** How many of the newest events are stored for each conversation. */
export const MAX_EVENTS = 500

interface Schema extends DBSchema {
  events: { key: [string, number]; value: Event }
  inbox: { key: string; value: ConversationEntry }
  users: { key: string; value: User }
  outbox: { key: string; value: OutgoingMessage }
}

const PREFIX = 'imchat:'
/** The session's database (auth/sessionStore.ts), which is not a user's. */
const SESSION = 'imchat:auth'

/** Delete the data of all users except `keep` from this browser. `known` is for browsers that cannot list databases. */
export async function deleteUserData(keep: string | null, known: string | null): Promise<void> {
  deleteDrafts(keep)
  const names = new Set(known === null ? [] : [PREFIX + known])
  try {
    for (const { name } of await indexedDB.databases()) if (name?.startsWith(PREFIX)) names.add(name)
  } catch {
    // An old browser, or storage is blocked.
  }
  names.delete(SESSION)
  if (keep !== null) names.delete(PREFIX + keep)
  await Promise.allSettled([...names].map(async (name) => deleteDB(name)))
}

export class Db {
  private readonly unsavedEntries = new Map<string, ConversationEntry>()
  private entriesSaved: Promise<boolean> | null = null

  private constructor(private readonly opened: Promise<IDBPDatabase<Schema> | null>) {}

  /** Open the database. If the browser blocks storage, reads return nothing and writes do nothing. */
  static open(userId: string): Db {
    const open = (): Promise<IDBPDatabase<Schema>> =>
      openDB<Schema>(PREFIX + userId, 1, {
        // Another tab deletes or upgrades the database: do not block it.
        blocking: (_oldVersion, _newVersion, event) => (event.target as IDBDatabase).close(),
        upgrade(db) {
          db.createObjectStore('events')
          db.createObjectStore('inbox', { keyPath: 'conversation.conversation_id' })
          db.createObjectStore('users', { keyPath: 'user_id' })
          db.createObjectStore('outbox', { keyPath: 'client_message_id' })
        },
      })
    return new Db(openedOrNull(open))
  }

  async inbox(): Promise<ConversationEntry[]> {
    return this.read([], (db) => db.getAll('inbox'))
  }

  async users(): Promise<User[]> {
    return this.read([], (db) => db.getAll('users'))
  }

  async outbox(): Promise<OutgoingMessage[]> {
    return this.read([], (db) => db.getAll('outbox'))
  }

  /** Return the newest events of a conversation without a gap, ascending; deletes those beyond `MAX_EVENTS`. */
  async events(conversationId: string): Promise<Event[]> {
    const all = await this.read([], (db) => db.getAll('events', rangeOf(conversationId)))
    let first = Math.max(0, all.length - MAX_EVENTS)
    for (let i = all.length - 1; i > first; i--) {
      if (all[i]?.seq !== (all[i - 1]?.seq ?? 0) + 1) first = i
    }
    const newest = all.slice(first)
    if (first > 0) await this.write((db) => db.delete('events', rangeOf(conversationId, (newest[0]?.seq ?? 1) - 1)))
    return newest
  }

  saveEvents(conversationId: string, events: readonly Event[]): Promise<boolean> {
    return this.write(async (db) => {
      const tx = db.transaction('events', 'readwrite')
      await Promise.all([...events.map((event) => tx.store.put(event, [conversationId, event.seq])), tx.done])
    })
  }

  /** Save an entry, together with the others of this task: a page of the list is one transaction. */
  saveEntry(entry: ConversationEntry): Promise<boolean> {
    this.unsavedEntries.set(entry.conversation.conversation_id, entry)
    this.entriesSaved ??= this.write(async (db) => {
      const entries = [...this.unsavedEntries.values()]
      this.unsavedEntries.clear()
      this.entriesSaved = null
      const tx = db.transaction('inbox', 'readwrite')
      await Promise.all([...entries.map((each) => tx.store.put(each)), tx.done])
    })
    return this.entriesSaved
  }

  saveUsers(users: readonly User[]): Promise<boolean> {
    return this.write(async (db) => {
      const tx = db.transaction('users', 'readwrite')
      await Promise.all([...users.map((user) => tx.store.put(user)), tx.done])
    })
  }

  deleteConversation(conversationId: string): Promise<boolean> {
    return this.write(async (db) => {
      await db.delete('inbox', conversationId)
      await db.delete('events', rangeOf(conversationId))
    })
  }

  /** Resolves to true when the message is durable; to false if the browser blocks storage. */
  saveOutgoing(item: OutgoingMessage): Promise<boolean> {
    return this.write(async (db) => {
      const tx = db.transaction('outbox', 'readwrite', { durability: 'strict' })
      await Promise.all([tx.store.put(item), tx.done])
    })
  }

  deleteOutgoing(clientMessageId: string): Promise<boolean> {
    return this.write((db) => db.delete('outbox', clientMessageId))
  }

  async close(): Promise<void> {
    ;(await this.opened)?.close()
  }

  private async read<T>(fallback: T, work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    const db = await this.opened
    if (!db) return fallback
    return work(db).catch(() => fallback)
  }

  private async write(work: (db: IDBPDatabase<Schema>) => Promise<unknown>): Promise<boolean> {
    const db = await this.opened
    if (!db) return false
    try {
      await work(db)
      return true
    } catch (error) {
      // Another tab may have closed the database to delete it; a full disk is the case to report.
      if ((error as DOMException | null)?.name !== 'InvalidStateError') notKept()
      return false
    }
  }
}

const rangeOf = (conversationId: string, max = Number.MAX_SAFE_INTEGER): IDBKeyRange =>
  IDBKeyRange.bound([conversationId, 0], [conversationId, max])
