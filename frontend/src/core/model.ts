/**
 * The interface between the core and the views: everything that a view can know of the core.
 *
 * `createModel()` in app/createModel.ts creates the real one. Views read signals and call methods; they never fetch,
 * never use storage, and never see a token. The core imports nothing from ui/.
 */
import type { ReadonlySignal } from '@preact/signals'
import type { Action, ApiContext } from './actions'
import type { Result, UserError } from './net/errors'
import type { Conversation, Event, Me, Member, Message, Presence, Settings, SiteSignUp, User } from './net/protocol'

export type Session =
  | { state: 'starting' }
  /** `error`: why a sign-in that was in progress ended. */
  | { state: 'signed-out'; error?: UserError }
  /** Signed up; the pool sent a code by e-mail (or printed it in the terminal). */
  | { state: 'confirming'; email: string }
  /** A temporary password was accepted; the user must set a new one. */
  | { state: 'new-password'; email: string }
  /** The password was accepted; the account has two-step sign-in. */
  | { state: 'code'; email: string }
  /** A code to reset the password was sent. */
  | { state: 'resetting'; email: string }
  /** `me.handle` is null until the user has chosen one: show the profile form first. */
  | { state: 'signed-in'; me: Me }

export interface AuthModel {
  /** Who may create an account; null until the site's configuration is loaded. */
  signUpPolicy: ReadonlySignal<SiteSignUp | null>
  signUp(email: string, password: string): Result
  confirm(code: string): Result
  resendCode(): Result
  signIn(email: string, password: string): Result
  setNewPassword(password: string): Result
  /** Complete a sign-in with a code of the authenticator app. */
  sendAppCode(code: string): Result
  forgotPassword(email: string): Result
  resetPassword(code: string, password: string): Result
  changePassword(current: string, next: string): Result
  /** Return to the sign-in form from confirming, new-password, code or resetting. */
  cancel(): void
  signOut(): Promise<void>
  readonly twoStep: TwoStepModel
}

/** What an authenticator app needs: `uri` in a QR code, or `secret` typed by the user. */
export interface TwoStepSetup {
  secret: string
  uri: string
}

/** Two-step sign-in of the signed-in user. */
export interface TwoStepModel {
  isOn(): Promise<{ value: boolean } | { error: UserError }>
  /** Create a secret. Nothing changes until `turnOn`. */
  setUp(): Promise<{ value: TwoStepSetup } | { error: UserError }>
  /** Verify the secret with a code of the app; each sign-in requires a code from now on. */
  turnOn(code: string): Result
  turnOff(): Result
}

/**
 * `polling`: no live updates, because the WebSocket does not connect: messages are read by HTTP at intervals.
 * `suspended`: the network works, but an administrator suspended the account.
 */
export type Connection = 'connecting' | 'online' | 'polling' | 'offline' | 'suspended'

/** What the name and the avatar of a conversation show. */
export interface ConversationIdentity {
  kind: 'direct' | 'group'
  /** The title of a group (or its members' names); the peer's name in a direct conversation. */
  name: string
  /** The other user of a direct conversation. */
  peer?: User
}

/** A conversation as the list shows it. */
export interface ConversationSummary extends ConversationIdentity {
  id: string
  /** The newest message, with its author in a group; null if there is none. */
  preview: { author: string | null; own: boolean; body: string; pending: boolean; failed?: boolean; deleted?: boolean } | null
  at_ms: number
  unread: number
  /** How many of the unread messages mention the user. */
  mentions: number
  /** The user's own settings of the conversation. */
  settings: Settings
}

/** A conversation in the list. Each signal changes only when what it shows changes. */
export interface ListedConversation {
  readonly id: string
  readonly identity: ReadonlySignal<ConversationIdentity>
  readonly summary: ReadonlySignal<ConversationSummary>
  readonly draft: ReadonlySignal<string>
  /** Names of the users who are typing. */
  readonly typingNames: ReadonlySignal<readonly string[]>
}

/** The message that a reply quotes; `author` is null if unknown. */
export interface QuotedMessage {
  seq: number
  author: User | null
  body: string
  deleted: boolean
}

/** One item of a timeline, oldest first. */
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
      /** The message as the log has it: reactions, mentions, whether it was edited or deleted. */
      message?: Message
      quote?: QuotedMessage
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
      quote?: QuotedMessage
      error?: UserError
    }
  | { kind: 'notice'; key: string; seq: number; at_ms: number; event: NoticeEvent; actor: User; subject?: User }

/** An event that the timeline shows as a notice. */
export type NoticeEvent = Extract<Event, { type: `conversation.${string}` | `member.${string}` }>

export interface ConversationModel extends ListedConversation {
  /** The user's own id. */
  readonly me: string
  /** Contiguous from the oldest loaded item to the newest, then pending messages. A message keeps its `key` when it is sent. */
  readonly timeline: ReadonlySignal<TimelineItem[]>
  readonly loading: ReadonlySignal<'first' | 'older' | null>
  readonly error: ReadonlySignal<UserError | null>
  readonly hasOlder: ReadonlySignal<boolean>
  /** seq of the newest event read before the conversation was opened: the "New messages" line is below it; null: no line. */
  readonly unreadFrom: ReadonlySignal<number | null>
  /** Title, description, rules and pinned messages; null until loaded. */
  readonly details: ReadonlySignal<Conversation | null>
  readonly members: ReadonlySignal<(Member & { user: User })[]>
  /** Whether `members` is incomplete: above 1,000 members they load in pages. */
  readonly hasMoreMembers: ReadonlySignal<boolean>
  /** Load the next page of members. */
  loadMoreMembers(): Result
  /** Read members and their read cursors again: above 100 members no receipts are pushed. */
  refresh(): Promise<void>
  /** The highest seq that another member has read, for the delivery status. */
  readonly readByOthers: ReadonlySignal<number>
  setDraft(text: string): void
  /** Load the page before the oldest event. After an `error`, retry what failed, including the first page. */
  loadOlder(): Promise<void>
  /** Queue a message: it shows as pending at once; the promise resolves when it is stored. */
  send(body: string, replyTo?: number): Result
  retry(key: string): void
  discard(key: string): void
  /** Report that `seq` is visible in a focused window. Cheap to call often. */
  markRead(seq: number): void
  /** Call on each keystroke; it limits its own rate. */
  typing(): void
  /** Run an action of core/actions.ts. */
  act(action: Action): Result
}

export interface Model {
  readonly session: ReadonlySignal<Session>
  readonly auth: AuthModel
  /** Whether the user is an administrator of the site. */
  readonly isAdmin: ReadonlySignal<boolean>
  readonly connection: ReadonlySignal<Connection>
  /** Whether a newer version of the client is available: a reload shows it. */
  readonly updateAvailable: ReadonlySignal<boolean>
  /** False once the browser refused to store something: drafts, unsent messages and the session then end with the page. */
  readonly isKept: ReadonlySignal<boolean>
  /** Pinned ones and newest activity first; null until loaded (show skeletons). Changes only when the order does. */
  readonly conversations: ReadonlySignal<readonly ListedConversation[] | null>
  /** Set if the list could not be loaded; `reload` retries. */
  readonly listError: ReadonlySignal<UserError | null>
  reload(): void
  /** Unread messages in all conversations, for the page title. */
  readonly totalUnread: ReadonlySignal<number>
  /** Return the model of a conversation: the same object while it is open. If the user is not a member, its `error` says so. */
  open(conversationId: string): ConversationModel
  /** Mark the conversation as off screen: later messages count as new when it is opened again. */
  close(conversationId: string): void
  /** The presence of watched users, by id; removed when the subscription ends. */
  readonly presence: ReadonlySignal<ReadonlyMap<string, Presence>>
  /** Run an action in a conversation that may not be open. */
  act(conversationId: string, action: Action): Result
  /** Run a request outside of a conversation. */
  request<T>(task: (context: ApiContext) => Promise<T>): Promise<{ value: T } | { error: UserError }>
  findUsers(prefix: string): Promise<{ users: User[] } | { error: UserError }>
  startDirect(userId: string): Promise<{ id: string } | { error: UserError }>
  startGroup(title: string, userIds: string[]): Promise<{ id: string } | { error: UserError }>
  saveProfile(profile: { handle?: string; display_name?: string; show_presence?: boolean; group_additions?: 'everyone' | 'known' }): Result
  /** Subscribe to new messages of other users. Returns the function that unsubscribes. */
  onMessage(listener: (m: { conversationId: string; conversationName: string; author: User; body: string }) => void): () => void
}
