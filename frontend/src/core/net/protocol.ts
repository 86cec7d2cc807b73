// The wire contract's types. Generated from src/imchat/api by `make generate`; do not edit.

/** A page of what administrators did, newest first. `next_cursor` is left out on the last page. */
export interface AuditAnswer {
  entries: AuditEntry[]
  next_cursor?: string
}

/** What an administrator did: `actor_id` to `user_id`, or to what they wrote, the message `seq` of a conversation. */
export interface AuditEntry {
  audit_id: string
  at_ms: number
  actor_id: string
  action: 'user.suspended' | 'user.restored' | 'message.removed'
  user_id: string
  conversation_id?: string
  seq?: number
}

/** Somebody whom I blocked. */
export interface Block {
  user_id: string
  blocked_at_ms: number
}

/** A page of people whom I blocked, and their profiles. `next_cursor` is left out on the last page. */
export interface BlocksAnswer {
  blocks: Block[]
  users: User[]
  next_cursor?: string
}

/** A message as it is now, and the event that made it so; left out where it was so already. */
export interface ChangeAnswer {
  message: Message
  event?: Event
}

/** Public channels. */
export interface ChannelsAnswer {
  channels: Preview[]
}

/** A conversation. `members` is left out of the inbox's groups, and where there are more than 1,000.  `pinned` are messages by seq, the last one pinned last. */
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

/** One conversation with all members, and the people it speaks of. */
export interface ConversationAnswer {
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

/** What to change of a group; what is left out stays. An empty description takes it away. */
export interface ConversationChange {
  title?: string
  description?: string
  posting?: 'all' | 'admins'
  history?: 'all' | 'joined'
  public?: boolean
}

/** Always seq 1: who made it, with whom. */
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

/** A conversation as I see it. `last_message`'s body is cut to its first 200 characters; it is left out before the first.  The log begins for me at `history_from`. `read_count` is the `message_count` of the event at `read_seq`. */
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

/** I was added to a conversation, or removed from one. */
export interface ConversationFrame {
  type: 'conversation'
  conversation_id: string
  change: 'added' | 'removed'
}

/** The group's title as it is now, and those of its settings that changed. */
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

/** A page of my conversations, and the people they speak of. `next_cursor` is left out on the last page. */
export interface ConversationsAnswer {
  conversations: ConversationEntry[]
  users: User[]
  next_cursor?: string
}

/** Every refusal, over HTTP and WebSocket alike. */
export interface ErrorBody {
  error: ErrorInfo
}

/** A frame of mine was refused. */
export interface ErrorFrame {
  type: 'error'
  error: ErrorInfo
}

/** `code` is for programs, `message` for people; `details` names the field and the limit where there is one. */
export interface ErrorInfo {
  code: string
  message: string
  retryable: boolean
  request_id: string
  details?: Record<string, unknown>
}

/** One event. */
export interface EventAnswer {
  event: Event
}

/** Events, ascending; `has_more` says whether the log goes on in the direction asked for. */
export interface EventsAnswer {
  events: Event[]
  has_more: boolean
}

/** Events exactly as in the log, in order. */
export interface EventsFrame {
  type: 'events'
  conversation_id: string
  events: Event[]
}

/** It runs, and which version. */
export interface HealthAnswer {
  status: 'ok'
  version: string
}

/** A link that leads into a group. `expires_at_ms` and `max_uses` are null where there is no end to it. */
export interface Invite {
  invite_id: string
  created_by: string
  created_at_ms: number
  expires_at_ms: number | null
  max_uses: number | null
  uses: number
}

/** A group's links, oldest first. */
export interface InvitesAnswer {
  invites: Invite[]
}

/** Myself. */
export interface Me {
  user_id: string
  handle: string | null
  display_name: string | null
  created_at_ms: number
  show_presence?: boolean
  suspended?: boolean
}

/** My profile. */
export interface MeAnswer {
  user: Me
}

/** A person's place in a conversation. */
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

/** `actor_id` removed `user_id`; the same person twice: they left. */
export interface MemberRemoved {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'member.removed'
  user_id: string
}

/** `actor_id` gave `user_id` a role. */
export interface MemberRoleChanged {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'member.role_changed'
  user_id: string
  role: 'owner' | 'admin' | 'member'
}

/** A page of a conversation's members, and their profiles. `next_cursor` is left out on the last page. */
export interface MembersAnswer {
  members: Member[]
  users: User[]
  next_cursor?: string
}

/** A message's current state; what does not apply is left out.  `reply_to` is the seq of the quoted message, `mentions` leads from handles in the body to members, `changed_seq` is the event that changed it last. A deleted message has an empty body and `deleted_at_ms`. */
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

/** A message's new text. */
export interface MessageChange {
  body: string
}

/** A message. `quote` comes with a reply. */
export interface MessageCreated {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  type: 'message.created'
  message: Message
  quote?: Quote
}

/** `actor_id` deleted the message of event `target_seq`; its pin is gone, too. */
export interface MessageDeleted {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.deleted'
}

/** `actor_id` gave the message of event `target_seq` another text; `message` is its current state.  It is left out, as everywhere, where that lies before the reader's `history_from`. */
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

/** `actor_id` took the pin of event `target_seq`'s message away. */
export interface MessageUnpinned {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
  target_seq: number
  message?: Message
  type: 'message.unpinned'
}

/** Whom to talk to. `direct` takes exactly one other person and no title; both kinds add the asker themselves. */
export interface NewConversation {
  kind: 'direct' | 'group'
  member_ids: string[]
  title?: string
}

/** How long a link is good, and for how many; without them for ever, and for all. */
export interface NewInvite {
  expires_in_s?: number
  max_uses?: number
}

/** A new link. The token is shown this once. */
export interface NewInviteAnswer {
  invite: Invite
  token: string
}

/** People to add. */
export interface NewMembers {
  user_ids: string[]
}

/** A message. Retries repeat it unchanged, `after_seq` (the newest seq known at the first try) included.  `reply_to` is the seq of a message to quote. `connection_id`, as a pong told it, is the sender's own connection at this try, to which the event is not pushed; any other text changes nothing. */
export interface NewMessage {
  client_message_id: string
  body: string
  after_seq?: number
  reply_to?: number
  connection_id?: string
}

/** It is done; there is nothing to say. */
export interface Nothing {
}

/** A page of everybody. `next_cursor` is left out on the last page. */
export interface PeopleAnswer {
  users: Person[]
  next_cursor?: string
}

/** A person as administrators see them; `suspended_at_ms` is null unless they are suspended. */
export interface Person {
  user_id: string
  handle: string | null
  display_name: string | null
  created_at_ms: number
  suspended_at_ms: number | null
}

/** Asks for a pong. */
export interface PingFrame {
  action: 'ping'
}

/** The pinned messages, the last one pinned last. */
export interface PinsAnswer {
  events: MessageCreated[]
}

/** The answer to a ping, with the name of the connection that it came over. */
export interface PongFrame {
  type: 'pong'
  connection_id: string
}

/** Whether somebody is there; `last_seen_ms` when they were last, where that is known and they are not there now. */
export interface Presence {
  user_id: string
  online: boolean
  last_seen_ms?: number
}

/** The presence of those members who show it. */
export interface PresenceAnswer {
  presence: Presence[]
}

/** Somebody whom I watch came or went. */
export interface PresenceFrame {
  user_id: string
  online: boolean
  last_seen_ms?: number
  type: 'presence'
}

/** A group as those see it who might join. */
export interface Preview {
  conversation_id: string
  title: string | null
  description: string | null
  public: boolean
  member_count: number
}

/** Where a link leads. */
export interface PreviewAnswer {
  conversation: Preview
}

/** What to change of my profile; what is left out stays. */
export interface ProfileChange {
  handle?: string
  display_name?: string
  show_presence?: boolean
}

/** The quoted message as it is now, its body cut to 200 characters; empty, with `deleted_at_ms`, once it is deleted. */
export interface Quote {
  actor_id: string
  body: string
  deleted_at_ms?: number
  changed_seq?: number
}

/** An emoji under a message: how many people chose it, and the first 20 of them. */
export interface Reaction {
  emoji: string
  count: number
  user_ids: string[]
}

/** `actor_id` reacts to the message of event `target_seq`. */
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

/** `actor_id` took a reaction to the message of event `target_seq` back. */
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

/** Where my cursor stands, how many messages lie up to it and past it, and how many of those past it mention me. */
export interface ReadAnswer {
  read_seq: number
  read_count: number
  unread: number
  unread_mentions?: number
}

/** The newest event that was seen. */
export interface ReadCursor {
  seq: number
}

/** A member's cursor moved. */
export interface ReceiptFrame {
  type: 'receipt'
  conversation_id: string
  user_id: string
  read_seq: number
}

/** A member's new role. */
export interface RoleChange {
  role: 'owner' | 'admin' | 'member'
}

/** What I chose for myself of a conversation. */
export interface Settings {
  muted: boolean
  archived: boolean
  pinned: boolean
  marked_unread: boolean
}

/** My settings for a conversation. */
export interface SettingsAnswer {
  settings: Settings
}

/** What to change of my settings for a conversation; what is left out stays. */
export interface SettingsChange {
  muted?: boolean
  archived?: boolean
  pinned?: boolean
  marked_unread?: boolean
}

/** I changed my settings for a conversation, here or on another device. */
export interface SettingsFrame {
  type: 'settings'
  conversation_id: string
  settings: Settings
}

/** Where the web client signs people in. */
export interface SiteAuth {
  endpoint: string
  region: string
  user_pool_id: string
  client_id: string
}

/** `/config.json`: where everything is. URLs are absolute, or relative to the site's origin. */
export interface SiteConfig {
  version: 1
  api_url: string
  ws_url: string
  auth: SiteAuth
}

/** A ticket for one WebSocket connection. */
export interface TicketAnswer {
  ticket: string
  expires_at_ms: number
}

/** I am writing in a conversation. */
export interface TypingFrame {
  action: 'typing'
  conversation_id: string
}

/** A member is writing. */
export interface TypingNotice {
  type: 'typing'
  conversation_id: string
  user_id: string
}

/** A person. Handle and name are null until chosen. */
export interface User {
  user_id: string
  handle: string | null
  display_name: string | null
}

/** A profile. */
export interface UserAnswer {
  user: User
}

/** Profiles. */
export interface UsersAnswer {
  users: User[]
}

/** The same, and until when frames tell of changes. */
export interface WatchAnswer {
  presence: Presence[]
  until_ms: number
}

/** Whose presence to hear of. */
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

/** Bounds that the server enforces; the client checks them first. */
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
