/**
 * The seam between the core and the views: all that a view may know of the core.
 *
 * `createModel()` (core/create.ts) makes the real one. Views read signals and call verbs; they never fetch, never
 * touch storage, and never see a token. The core imports nothing from ui/.
 */
import type { Result, UserError } from './net/errors'
import type { ReadonlySignal } from '@preact/signals'
import type { ApiContext, Action } from './actions'
import type { Conversation, Event, Me, Member, Message, Presence, Settings, User } from './net/protocol'

export type Session =
  | { state: 'starting' }
  | { state: 'signed-out' }
  /** Signed up, and the pool wants the code that was mailed (or printed in the terminal). */
  | { state: 'confirming'; email: string }
  /** An administrator's temporary password was right; a new one must be set. */
  | { state: 'new-password'; email: string }
  /** A reset code was sent. */
  | { state: 'resetting'; email: string }
  /** `me.handle` is null until the person chose one: ask for handle and name first. */
  | { state: 'signed-in'; me: Me }

export interface AuthModel {
  signUp(email: string, password: string): Result
  confirm(code: string): Result
  resendCode(): Result
  signIn(email: string, password: string): Result
  setNewPassword(password: string): Result
  forgotPassword(email: string): Result
  resetPassword(code: string, password: string): Result
  changePassword(current: string, next: string): Result
  /** Back to the sign-in form from confirming, new-password or resetting. */
  cancel(): void
  signOut(): Promise<void>
}

/** `suspended`: there is a network, but an administrator shut the account out. */
export type Connection = 'connecting' | 'online' | 'offline' | 'suspended'

/** What a conversation looks like in the list. */
export interface ConversationSummary {
  id: string
  kind: 'direct' | 'group'
  /** The title of a group (or its members' names), the other person's name in a direct one. */
  name: string
  /** The other person, in a direct conversation. */
  peer?: User
  /** The line under the name: newest message, with who wrote it in a group; null before the first. */
  preview: { author: string | null; own: boolean; body: string; pending: boolean; failed?: boolean; deleted?: boolean } | null
  at_ms: number
  unread: number
  /** How many of the unread messages mention me. */
  mentions: number
  /** What I chose for myself of it. */
  settings: Settings
  draft: string
  /** People typing now, by name. */
  typing: string[]
}

/** The message that a reply answers; `author` is null where it is not known. */
export interface Quoted {
  seq: number
  author: User | null
  body: string
  deleted: boolean
}

/** One row of a timeline, oldest first. */
export type TimelineItem =
  | {
      kind: 'message'
      key: string
      seq: number
      at_ms: number
      author: User
      own: boolean
      body: string
      state: 'sent'
      /** All that the log says of it: reactions, mentions, whether it was edited or deleted. */
      message?: Message
      quote?: Quoted
    }
  | {
      kind: 'message'
      key: string
      seq: null
      at_ms: number
      author: User
      own: true
      body: string
      state: 'pending' | 'failed'
      quote?: Quoted
      problem?: UserError
    }
  | { kind: 'notice'; key: string; seq: number; at_ms: number; event: Event; actor: User; subject?: User }

export interface ConversationModel {
  readonly id: string
  /** My own id. */
  readonly me: string
  readonly summary: ReadonlySignal<ConversationSummary>
  /** Contiguous from the oldest loaded to the newest known, then what is still pending. `key` stays the same from pending to sent. */
  readonly timeline: ReadonlySignal<TimelineItem[]>
  readonly loading: ReadonlySignal<'first' | 'older' | null>
  readonly problem: ReadonlySignal<UserError | null>
  readonly hasOlder: ReadonlySignal<boolean>
  /** seq of the newest event read before this conversation was opened: the "new messages" line goes below it; null: none. */
  readonly unreadFrom: ReadonlySignal<number | null>
  /** Title, description, rules and pins of it; null until known. */
  readonly details: ReadonlySignal<Conversation | null>
  readonly members: ReadonlySignal<(Member & { user: User })[]>
  /** Whether there are members whom `members` lacks: above 1,000 they come in pages. */
  readonly hasMoreMembers: ReadonlySignal<boolean>
  /** The next page of them. */
  loadMoreMembers(): Result
  /** Reads members and their cursors anew: above 100 members no receipts are pushed. */
  refresh(): Promise<void>
  /** The highest seq that another member (direct: the peer) has read: for ticks. */
  readonly readByOthers: ReadonlySignal<number>
  readonly draft: ReadonlySignal<string>
  setDraft(text: string): void
  /** Reads the page before the oldest loaded. After a `problem` it tries again what failed, the first page included. */
  loadOlder(): Promise<void>
  /** Queues at once (pending bubble, durable outbox); the promise resolves when it is queued. */
  send(body: string, replyTo?: number): Result
  retry(key: string): void
  discard(key: string): void
  /** Says that `seq` is visible in a focused window. Cheap to call often. */
  markRead(seq: number): void
  /** Call on each keystroke; it paces itself. */
  typing(): void
  /** Does what core/deeds.ts offers. */
  act(deed: Action): Result
}

export interface Model {
  readonly session: ReadonlySignal<Session>
  readonly auth: AuthModel
  /** Whether I administer the site. */
  readonly isAdmin: ReadonlySignal<boolean>
  readonly connection: ReadonlySignal<Connection>
  /** Null until first known (draw skeletons); newest activity first. */
  readonly conversations: ReadonlySignal<ConversationSummary[] | null>
  /** The list could not be read; `reload` tries again. */
  readonly listError: ReadonlySignal<UserError | null>
  reload(): void
  /** Unread messages in all conversations: for the page's title. */
  readonly totalUnread: ReadonlySignal<number>
  /** The same object for the same id as long as it is open. Null if it is not ours or does not exist (after loading says so). */
  open(conversationId: string): ConversationModel
  /** It left the screen: what arrives from now on is new when it is opened again. */
  close(conversationId: string): void
  /** Who of those watched is there, by id; forgotten when the watch ends. */
  readonly presence: ReadonlySignal<ReadonlyMap<string, Presence>>
  /** Does it in a conversation that need not be open. */
  act(conversationId: string, deed: Action): Result
  ask<T>(question: (asking: ApiContext) => Promise<T>): Promise<{ answer: T } | { problem: UserError }>
  findUsers(prefix: string): Promise<{ users: User[] } | { problem: UserError }>
  startDirect(userId: string): Promise<{ id: string } | { problem: UserError }>
  startGroup(title: string, userIds: string[]): Promise<{ id: string } | { problem: UserError }>
  saveProfile(profile: { handle?: string; display_name?: string; show_presence?: boolean }): Result
  /** New messages of others, for the announcer and desktop notification. Returns the unsubscribe function. */
  onMessage(listener: (m: { conversationId: string; conversationName: string; author: User; body: string }) => void): () => void
}
