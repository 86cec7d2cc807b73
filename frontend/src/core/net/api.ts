/** The API's routes as typed functions. */
import type { Http } from './http'
import type {
  ConversationAnswer,
  ConversationsAnswer,
  EventAnswer,
  EventsAnswer,
  Me,
  MeAnswer,
  MembersAnswer,
  NewConversation,
  ProfileChange,
  ReadAnswer,
  TicketAnswer,
  User,
  UsersAnswer,
} from './protocol'
import type { OutgoingMessage } from './types'

export type Api = ReturnType<typeof createApi>

/** Return the path of a conversation followed by `rest`. */
export const conversationPath = (conversationId: string, rest = ''): string => `/conversations/${encodeURIComponent(conversationId)}${rest}`

export function createApi(http: Http) {
  return {
    me: async (): Promise<Me> => (await http.get<MeAnswer>('/me')).user,
    saveMe: async (profile: ProfileChange): Promise<Me> =>
      (await http.send<MeAnswer>('PATCH', '/me', profile)).user,
    usersByPrefix: async (prefix: string): Promise<User[]> => (await http.get<UsersAnswer>('/users', { prefix })).users,
    usersByIds: async (ids: readonly string[]): Promise<User[]> =>
      (await http.get<UsersAnswer>('/users', { ids: ids.join(',') })).users,
    conversations: (cursor?: string): Promise<ConversationsAnswer> => http.get('/conversations', { cursor }),
    conversation: (id: string): Promise<ConversationAnswer> => http.get(conversationPath(id)),
    members: (id: string, cursor?: string): Promise<MembersAnswer> => http.get(conversationPath(id, '/members'), { cursor }),
    create: (body: NewConversation): Promise<ConversationAnswer> =>
      http.send('POST', '/conversations', body),
    events: (id: string, query: { after?: number; before?: number; limit: number }): Promise<EventsAnswer> =>
      http.get(conversationPath(id, '/events'), query),
    /** Send once: the outbox retries by itself. The event is pushed to all connections but `connection_id`. */
    send: async (item: OutgoingMessage, connection_id: string | null): Promise<EventAnswer> => {
      const { client_message_id, body, after_seq, reply_to } = item
      const message = { client_message_id, body, after_seq, ...(reply_to && { reply_to }), ...(connection_id && { connection_id }) }
      return http.send('POST', conversationPath(item.conversation_id, '/messages'), message, 1)
    },
    read: (id: string, seq: number): Promise<ReadAnswer> => http.send('PUT', conversationPath(id, '/read'), { seq }),
    ticket: async (): Promise<string> => (await http.send<TicketAnswer>('POST', '/realtime/tickets', undefined, 1)).ticket,
  }
}
