// The types of the API. Generated from src/imchat/api by `make generate`; do not edit.

/** A user, as shown to administrators. `suspended_at_ms` is null unless the user is suspended. */
export interface AdminUser {
  user_id: string
  handle: string | null
  display_name: string | null
  created_at_ms: number
  suspended_at_ms: number | null
}

/** A page of all users. `next_cursor` is omitted on the last page. */
export interface AdminUsersResponse {
  users: AdminUser[]
  next_cursor?: string
}

/** An action of the administrator `actor_id` on the user `user_id`, or on that user's message `seq` in a conversation. */
export interface AuditEntry {
  audit_id: string
  at_ms: number
  actor_id: string
  action: 'user.suspended' | 'user.restored' | 'message.removed'
  user_id: string
  conversation_id?: string
  seq?: number
}

/** A page of the audit log, newest first. `next_cursor` is omitted on the last page. */
export interface AuditResponse {
  entries: AuditEntry[]
  next_cursor?: string
}

/** A user blocked by the caller. */
export interface Block {
  user_id: string
  blocked_at_ms: number
}

/** A page of the users blocked by the caller, with their profiles. `next_cursor` is omitted on the last page. */
export interface BlocksResponse {
  blocks: Block[]
  users: User[]
  next_cursor?: string
}

/** The current state of a message, and the event of this change; omitted if nothing changed. */
export interface ChangeResponse {
  message: Message
  event?: Event
}

/** The public channels found. */
export interface ChannelsResponse {
  channels: Preview[]
}

/** A conversation. `members` is omitted for groups in the inbox, and for groups with more than 1,000 members. `pinned` lists the seqs of the pinned messages in the order in which they were pinned. */
export interface Conversation {
  conversation_id: string
  kind: 'direct' | 'group'
  title: string | null
  description?: string
  posting?: 'all' | 'admins'
  history?: 'all' | 'joined'
  public?: boolean
  created_at_ms: number
  last_seq: number
  message_count: number
  member_count?: number
  pinned: number[]
  members?: Member[]
}

/** Changes to a group. Omitted fields keep their values; an empty description removes it. */
export interface ConversationChange {
  title?: string
  description?: string
  posting?: 'all' | 'admins'
  history?: 'all' | 'joined'
  public?: boolean
}

/** The conversation was created by `actor_id` with these members. Always seq 1. */
export interface ConversationCreated {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'conversation.created'
  kind: 'direct' | 'group'
  title: string | null
  member_ids: string[]
}

/** A conversation, as shown to the caller. `last_message` has the first 200 characters of its body, and is omitted before the first message. `history_from` is the first event that the caller can read. `read_count` is the `message_count` of the event at `read_seq`. */
export interface ConversationEntry {
  conversation: Conversation
  unread: number
  unread_mentions?: number
  read_seq: number
  read_count: number
  history_from?: number
  settings?: Settings
  last_message?: MessageCreated
}

/** The user was added to a conversation or removed from one. */
export interface ConversationFrame {
  type: 'conversation'
  conversation_id: string
  change: 'added' | 'removed'
}

/** A conversation with its members, and the profiles of the users who appear in it. */
export interface ConversationResponse {
  conversation: Conversation
  unread: number
  unread_mentions?: number
  read_seq: number
  read_count: number
  history_from?: number
  settings?: Settings
  last_message?: MessageCreated
  users: User[]
}

/** The group was changed: its current title, and the settings that changed. */
export interface ConversationUpdated {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'conversation.updated'
  title: string | null
  description?: string
  posting?: 'all' | 'admins'
  history?: 'all' | 'joined'
  public?: boolean
}

/** A page of the inbox, with the profiles of the users who appear in it. `next_cursor` is omitted on the last page. */
export interface ConversationsResponse {
  conversations: ConversationEntry[]
  users: User[]
  next_cursor?: string
}

/** The body of every error response. */
export interface ErrorBody {
  error: ErrorInfo
}

/** A frame from the client caused an error. */
export interface ErrorFrame {
  type: 'error'
  error: ErrorInfo
}

/** An error. Programs read `code`, people read `message`. `details` names the field and its limit, if there is one. */
export interface ErrorInfo {
  code: string
  message: string
  retryable: boolean
  request_id: string
  details?: Record<string, unknown>
}

/** One event. */
export interface EventResponse {
  event: Event
}

/** Events in order, exactly as a read of the log returns them. */
export interface EventsFrame {
  type: 'events'
  conversation_id: string
  events: Event[]
}

/** Events in ascending order. `has_more` is true if there are more in the requested direction. A page `around` an event says in `has_before` and `has_after` on which side there are more. */
export interface EventsResponse {
  events: Event[]
  has_more: boolean
  has_before?: boolean
  has_after?: boolean
}

/** Whether messages and accounts can be stored, and whether the disk has enough free space. */
export interface HealthChecks {
  messages: 'ok'
  accounts: 'ok'
  disk: 'ok' | 'low'
}

/** The status and version of the server. `imchat local` also has the result of each check. */
export interface HealthResponse {
  status: 'ok'
  version: string
  checks?: HealthChecks
}

/** An invite to a group. `expires_at_ms` is null if it never expires, `max_uses` if its uses are not limited. */
export interface Invite {
  invite_id: string
  created_by: string
  created_at_ms: number
  expires_at_ms: number | null
  max_uses: number | null
  uses: number
}

/** The invites of a group, oldest first. */
export interface InvitesResponse {
  invites: Invite[]
}

/** The caller. */
export interface Me {
  user_id: string
  handle: string | null
  display_name: string | null
  created_at_ms: number
  show_presence?: boolean
  group_additions?: 'everyone' | 'known'
  suspended?: boolean
}

/** The caller's profile. */
export interface MeResponse {
  user: Me
}

/** A member of a conversation: their role, the event that added them and how far they have read. */
export interface Member {
  user_id: string
  role: 'owner' | 'admin' | 'member'
  joined_seq: number
  read_seq: number
}

/** `actor_id` added `user_id`. */
export interface MemberAdded {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'member.added'
  user_id: string
  role: 'owner' | 'admin' | 'member'
}

/** `actor_id` removed `user_id`. If both are the same user, they left. */
export interface MemberRemoved {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'member.removed'
  user_id: string
}

/** `actor_id` changed the role of `user_id`. */
export interface MemberRoleChanged {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'member.role_changed'
  user_id: string
  role: 'owner' | 'admin' | 'member'
}

/** A page of the members, with their profiles. `next_cursor` is omitted on the last page. */
export interface MembersResponse {
  members: Member[]
  users: User[]
  next_cursor?: string
}

/** The current state of a message. Fields that do not apply are omitted. `reply_to` is the seq of the quoted message, `mentions` maps handles in the body to user ids, `changed_seq` is the event that last changed the message. A deleted message has an empty body and `deleted_at_ms`. */
export interface Message {
  client_message_id: string
  body: string
  reply_to?: number
  mentions?: Record<string, string>
  reactions?: Reaction[]
  edited_at_ms?: number
  deleted_at_ms?: number
  changed_seq?: number
}

/** The new body of a message. */
export interface MessageChange {
  body: string
}

/** A message was sent. `quote` is present for a reply. */
export interface MessageCreated {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'message.created'
  message: Message
  quote?: Quote
}

/** `actor_id` deleted the message of event `target_seq`. This also unpins it. */
export interface MessageDeleted {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.deleted'
}

/** `actor_id` edited the message of event `target_seq`. `message` is its current state. As in every event, `message` is omitted if `target_seq` is before the reader's `history_from`. */
export interface MessageEdited {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.edited'
}

/** `actor_id` pinned the message of event `target_seq`. */
export interface MessagePinned {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.pinned'
}

/** `actor_id` unpinned the message of event `target_seq`. */
export interface MessageUnpinned {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.unpinned'
}

/** A new conversation. `direct` takes exactly one other user and no title. The caller is always added as a member. */
export interface NewConversation {
  kind: 'direct' | 'group'
  member_ids: string[]
  title?: string
}

/** A new invite: when it expires and how many users can join with it. Omitted: never, and any number. */
export interface NewInvite {
  expires_in_s?: number
  max_uses?: number
}

/** A new invite. This is the only response that contains the token. */
export interface NewInviteResponse {
  invite: Invite
  token: string
}

/** The users to add. */
export interface NewMembers {
  user_ids: string[]
}

/** A message to send. Repeat it unchanged when you retry, including `after_seq`, the newest seq known at the first attempt. `reply_to` is the seq of a message to quote. `connection_id`, from a pong, is the sender's own connection, to which the event is not pushed; it may differ between attempts. Any other text has no effect. */
export interface NewMessage {
  client_message_id: string
  body: string
  after_seq?: number
  reply_to?: number
  connection_id?: string
}

/** An empty response. */
export interface Nothing {
}

/** Request a pong. */
export interface PingFrame {
  action: 'ping'
}

/** The pinned messages in the order in which they were pinned. */
export interface PinsResponse {
  events: MessageCreated[]
}

/** The response to a ping, with the id of its connection. */
export interface PongFrame {
  type: 'pong'
  connection_id: string
}

/** Whether a user is online. `last_seen_ms` is present for users who are offline, if it is known. */
export interface Presence {
  user_id: string
  online: boolean
  last_seen_ms?: number
}

/** A watched member went online or offline. */
export interface PresenceFrame {
  user_id: string
  online: boolean
  last_seen_ms?: number
  type: 'presence'
}

/** The presence of the members who show it. */
export interface PresenceResponse {
  presence: Presence[]
}

/** A group, as shown to users who can join it. */
export interface Preview {
  conversation_id: string
  title: string | null
  description: string | null
  public: boolean
  member_count: number
}

/** The group of an invite. */
export interface PreviewResponse {
  conversation: Preview
}

/** Changes to the caller's profile. Omitted fields keep their values. `group_additions`: who may add the caller to groups, everyone or only people they know. */
export interface ProfileChange {
  handle?: string
  display_name?: string
  show_presence?: boolean
  group_additions?: 'everyone' | 'known'
}

/** The current state of a quoted message, with the first 200 characters of its body. A deleted message has an empty body and `deleted_at_ms`. */
export interface Quote {
  actor_id: string
  body: string
  deleted_at_ms?: number
  changed_seq?: number
}

/** The reactions to a message with one emoji: their count, and the first 20 users. */
export interface Reaction {
  emoji: string
  count: number
  user_ids: string[]
}

/** `actor_id` added a reaction to the message of event `target_seq`. */
export interface ReactionAdded {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'reaction.added'
  emoji: string
}

/** `actor_id` removed a reaction from the message of event `target_seq`. */
export interface ReactionRemoved {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'reaction.removed'
  emoji: string
}

/** The newest event that the caller has seen. */
export interface ReadCursor {
  seq: number
}

/** The caller's read cursor, how many messages are up to it and after it, and how many unread ones mention the caller. */
export interface ReadResponse {
  read_seq: number
  read_count: number
  unread: number
  unread_mentions?: number
}

/** A member's read cursor moved. */
export interface ReceiptFrame {
  type: 'receipt'
  conversation_id: string
  user_id: string
  read_seq: number
}

/** The new role of a member. */
export interface RoleChange {
  role: 'owner' | 'admin' | 'member'
}

/** The caller's own settings for a conversation. */
export interface Settings {
  muted: boolean
  archived: boolean
  pinned: boolean
  marked_unread: boolean
}

/** Changes to the caller's settings for a conversation. Omitted fields keep their values. */
export interface SettingsChange {
  muted?: boolean
  archived?: boolean
  pinned?: boolean
  marked_unread?: boolean
}

/** The user changed their settings for a conversation, on this device or another. */
export interface SettingsFrame {
  type: 'settings'
  conversation_id: string
  settings: Settings
}

/** The caller's settings for a conversation. */
export interface SettingsResponse {
  settings: Settings
}

/** The user pool and client for signing in. */
export interface SiteAuth {
  endpoint: string
  region: string
  user_pool_id: string
  client_id: string
}

/** `/config.json`: the URLs of the API and the WebSocket, absolute or relative to the site's origin, and how to sign in. `sign_up` is missing on servers that are older than it; they refuse a sign-up that their policy does not allow. */
export interface SiteConfig {
  version: 1
  api_url: string
  ws_url: string
  auth: SiteAuth
  sign_up?: SiteSignUp
}

/** Who may create an account: anyone, no one, or people with an e-mail address in one of `domains`. */
export interface SiteSignUp {
  policy: 'open' | 'invitation' | 'domain'
  domains: string[]
}

/** A ticket for one WebSocket connection. */
export interface TicketResponse {
  ticket: string
  expires_at_ms: number
}

/** The caller is typing in a conversation. */
export interface TypingFrame {
  action: 'typing'
  conversation_id: string
}

/** A member is typing. */
export interface TypingNotice {
  type: 'typing'
  conversation_id: string
  user_id: string
}

/** A user. `handle` and `display_name` are null until the user chooses them. */
export interface User {
  user_id: string
  handle: string | null
  display_name: string | null
}

/** The profile of a user. */
export interface UserResponse {
  user: User
}

/** The profiles of the users found. */
export interface UsersResponse {
  users: User[]
}

/** The presence of the watched members. `presence` frames report changes until `until_ms`. */
export interface WatchResponse {
  presence: Presence[]
  until_ms: number
}

/** The members whose presence to watch. */
export interface Watched {
  user_ids: string[]
}

export type Role = Member['role']
export type Kind = Conversation['kind']

export type Event =
  | ConversationCreated
  | ConversationUpdated
  | MemberAdded
  | MemberRemoved
  | MemberRoleChanged
  | MessageCreated
  | MessageEdited
  | MessageDeleted
  | MessagePinned
  | MessageUnpinned
  | ReactionAdded
  | ReactionRemoved

export type ServerFrame =
  | EventsFrame
  | ReceiptFrame
  | TypingNotice
  | ConversationFrame
  | SettingsFrame
  | PresenceFrame
  | PongFrame
  | ErrorFrame

export type ClientFrame =
  | PingFrame
  | TypingFrame

/** Limits that the server enforces. The client checks them first. */
export const LIMITS = {
  body_chars: 8000,
  body_bytes: 24576,
  title_chars: 100,
  display_name_chars: 80,
  handle_min: 3,
  handle_max: 30,
  handle_pattern: '^[a-z0-9_.]+$',
  prefix_min: 2,
  preview_chars: 200,
  members_at_creation: 49,
  page_max: 200,
  user_ids_max: 100,
  watched_max: 20,
  watch_s: 300,
  signal_members: 100,
} as const
