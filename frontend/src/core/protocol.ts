// The wire contract's types. Generated from src/imchat/api by `make generate`; do not edit.

export interface User {
  user_id: string
  handle: string | null
  display_name: string | null
}

export interface Me extends User {
  created_at_ms: number
}

export type Role = 'owner' | 'admin' | 'member'

export interface Member {
  user_id: string
  role: Role
  joined_seq: number
  read_seq: number
}

export interface Conversation {
  conversation_id: string
  kind: 'direct' | 'group'
  title: string | null
  created_at_ms: number
  last_seq: number
  message_count: number
  /** All members; in the inbox only for direct conversations. */
  members?: Member[]
}

export interface Message {
  client_message_id: string
  body: string
}

interface EventBase {
  seq: number
  at_ms: number
  actor_id: string
  message_count: number
}

export type Event =
  | (EventBase & { type: 'conversation.created'; kind: 'direct' | 'group'; title: string | null })
  | (EventBase & { type: 'conversation.updated'; title: string | null })
  | (EventBase & { type: 'member.added'; user_id: string; role: Role })
  | (EventBase & { type: 'member.removed'; user_id: string })
  | (EventBase & { type: 'member.role_changed'; user_id: string; role: Role })
  | (EventBase & { type: 'message.created'; message: Message })

export type MessageCreated = Extract<Event, { type: 'message.created' }>

/** One row of the inbox; also the answer about one conversation. `users` beside it holds the profiles it mentions. */
export interface ConversationEntry {
  conversation: Conversation
  unread: number
  read_seq: number
  last_message?: MessageCreated
}

export interface MeAnswer { user: Me }
export interface UserAnswer { user: User }
export interface UsersAnswer { users: User[] }
export interface ConversationsAnswer { conversations: ConversationEntry[]; users: User[]; next_cursor?: string }
export interface ConversationAnswer extends ConversationEntry { users: User[] }
export interface EventAnswer { event: Event }
export interface EventsAnswer { events: Event[]; has_more: boolean }
export interface ReadAnswer { read_seq: number; unread: number }
export interface TicketAnswer { ticket: string; expires_at_ms: number }

export interface ErrorBody {
  error: { code: string; message: string; retryable: boolean; request_id: string; details?: Record<string, unknown> }
}

export type ServerFrame =
  | { type: 'events'; conversation_id: string; events: Event[] }
  | { type: 'receipt'; conversation_id: string; user_id: string; read_seq: number }
  | { type: 'typing'; conversation_id: string; user_id: string }
  | { type: 'conversation'; conversation_id: string; change: 'added' | 'removed' }
  | { type: 'pong' }
  | { type: 'error'; error: ErrorBody['error'] }

export type ClientFrame = { action: 'ping' } | { action: 'typing'; conversation_id: string }

export interface SiteConfig {
  version: 1
  api_url: string
  ws_url: string
  auth: { endpoint: string; region: string; user_pool_id: string; client_id: string }
}

/** Bounds that the server enforces; the client checks them first. */
export const LIMITS = {
  body_chars: 8000,
  body_bytes: 24 * 1024,
  title_chars: 100,
  display_name_chars: 80,
  handle_min: 3,
  handle_max: 30,
  handle_pattern: '^[a-z0-9_.]+$',
  prefix_min: 2,
  members_at_creation: 49,
  page_max: 200,
} as const
