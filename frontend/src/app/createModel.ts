/** Composition root: creates the model from core and auth. */
import { computed, effect, signal, untracked } from '@preact/signals'
import { createSession } from '../auth/session'
import { Tokens } from '../auth/tokens'
import type { Model } from '../core/model'
import { createApi } from '../core/net/api'
import { loadConfig } from '../core/net/config'
import { signedOutError, toResult, toUserError, type UserError } from '../core/net/errors'
import { createHttp } from '../core/net/http'
import { Workspace } from '../core/sync/workspace'
import { checkGroupTitle, checkProfile } from '../core/validation'

type MessageListener = Parameters<Model['onMessage']>[0]

export function createModel(): Model {
  const config = loadConfig()
  const tokens = new Tokens(config)
  const http = createHttp(config, tokens)
  const api = createApi(http)
  const { session, auth, updateMe } = createSession({ config, tokens, loadMe: () => api.me() })
  const listeners = new Set<MessageListener>()
  const notifyListeners: MessageListener = (message) => {
    for (const listener of listeners) listener(message)
  }

  const workspace = signal<Workspace | null>(null)
  effect(() => {
    const current = session.value
    untracked(() => {
      const previous = workspace.peek()
      if (current.state === 'signed-in') {
        const sameUser = previous?.me === current.me.user_id
        const next = sameUser ? previous : new Workspace(current.me.user_id, config, http, notifyListeners)
        next.setOwnProfile(current.me)
        if (sameUser) return
        workspace.value = next
        void previous?.stop({ deleteData: tokens.signedOutByUser })
      } else if (previous) {
        workspace.value = null
        // If the server ended the session, unsent messages and drafts stay for the next sign-in.
        void previous.stop({ deleteData: tokens.signedOutByUser })
      }
    })
  })

  const requireWorkspace = (): Workspace => {
    const current = workspace.peek()
    if (!current) throw signedOutError()
    return current
  }
  const attempt = async <T>(task: () => Promise<T>): Promise<T | { error: UserError }> => {
    try {
      return await task()
    } catch (error) {
      return { error: toUserError(error) }
    }
  }

  return {
    session,
    auth,
    isAdmin: tokens.isAdmin,
    connection: computed(() => workspace.value?.realtime.connection.value ?? 'connecting'),
    conversations: computed(() => workspace.value?.conversations.value ?? null),
    listError: computed(() => workspace.value?.listError.value ?? null),
    totalUnread: computed(() => workspace.value?.totalUnread.value ?? 0),
    reload: () => void workspace.peek()?.reload(),
    open: (conversationId) => requireWorkspace().open(conversationId),
    close: (conversationId) => workspace.peek()?.close(conversationId),
    presence: computed(() => workspace.value?.presence.value ?? new Map()),
    act: (conversationId, action) => requireWorkspace().act(conversationId, action),
    request: (task) =>
      attempt(async () => ({
        value: await task({ http, addConversation: (response) => requireWorkspace().addConversation(response) }),
      })),
    findUsers: (prefix) =>
      attempt(async () => {
        const users = await api.usersByPrefix(prefix)
        requireWorkspace().addUsers(users)
        return { users }
      }),
    startDirect: (userId) =>
      attempt(async () => ({ id: await requireWorkspace().createConversation({ kind: 'direct', member_ids: [userId] }) })),
    startGroup: async (title, userIds) => {
      const error = checkGroupTitle(title)
      if (error) return { error }
      return attempt(async () => ({
        id: await requireWorkspace().createConversation({ kind: 'group', title: title.trim(), member_ids: userIds }),
      }))
    },
    saveProfile: async (profile) => checkProfile(profile) ?? toResult(async () => updateMe(await api.saveMe(profile))),
    onMessage: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
