/** The API's routes as typed functions. */
import type { Http } from './http'
import type {
  ConversationResponse,
  ConversationsResponse,
  EventResponse,
  EventsResponse,
  Me,
  MeResponse,
  MembersResponse,
  NewConversation,
  ProfileChange,
  ReadResponse,
  TicketResponse,
  User,
  UsersResponse,
} from './protocol'
import type { OutgoingMessage } from './types'

export type Api = ReturnType<typeof createApi>

/** Return the path of a conversation followed by `rest`. */
export const conversationPath = (conversationId: string, rest = ''): string => `/conversations/${encodeURIComponent(conversationId)}${rest}`

export function createApi(http: Http) {
  return {
    me: async (): Promise<Me> => (await http.get<MeResponse>('/me')).user,
    saveMe: async (profile: ProfileChange): Promise<Me> =>
      (await http.send<MeResponse>('PATCH', '/me', profile)).user,
    usersByPrefix: async (prefix: string): Promise<User[]> => (await http.get<UsersResponse>('/users', { prefix })).users,
    usersByIds: async (ids: readonly string[]): Promise<User[]> =>
      (await http.get<UsersResponse>('/users', { ids: ids.join(',') })).users,
    conversations: (cursor?: string): Promise<ConversationsResponse> => http.get('/conversations', { cursor }),
    conversation: (id: string): Promise<ConversationResponse> => http.get(conversationPath(id)),
    members: (id: string, cursor?: string): Promise<MembersResponse> => http.get(conversationPath(id, '/members'), { cursor }),
    create: (body: NewConversation): Promise<ConversationResponse> =>
      http.send('POST', '/conversations', body),
    events: (id: string, query: { after?: number; before?: number; limit: number }): Promise<EventsResponse> =>
      http.get(conversationPath(id, '/events'), query),
    /** Send once: the outbox retries by itself. The event is pushed to all connections but `connection_id`. */
    send: async (item: OutgoingMessage, connection_id: string | null): Promise<EventResponse> => {
      const { client_message_id, body, after_seq, reply_to } = item
      const message = { client_message_id, body, after_seq, ...(reply_to && { reply_to }), ...(connection_id && { connection_id }) }
      return http.send('POST', conversationPath(item.conversation_id, '/messages'), message, 1)
    },
    read: (id: string, seq: number): Promise<ReadResponse> => http.send('PUT', conversationPath(id, '/read'), { seq }),
    ticket: async (): Promise<string> => (await http.send<TicketResponse>('POST', '/realtime/tickets', undefined, 1)).ticket,
  }
}
