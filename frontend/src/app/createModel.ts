/** Composes the core: `createModel()` is the one way in. */
import { computed, effect, signal, untracked } from '@preact/signals'
import { createSession } from '../auth/session'
import { Tokens } from '../auth/tokens'
import { createApi } from '../core/net/api'
import { checkProfile, checkTitle } from '../core/validation'
import { loadConfig } from '../core/net/config'
import { createHttp } from '../core/net/http'
import type { Model } from '../core/model'
import type { UserError } from '../core/net/errors'
import { toResult, signedOutError, toUserError } from '../core/net/errors'
import { Workspace } from '../core/sync/workspace'

type Listener = Parameters<Model['onMessage']>[0]

export function createModel(): Model {
  const config = loadConfig()
  const tokens = new Tokens(config)
  const http = createHttp(config, tokens)
  const api = createApi(http)
  const { session, auth, updateMe } = createSession({ config, tokens, loadMe: () => api.me() })
  const listeners = new Set<Listener>()
  const tell: Listener = (message) => {
    for (const listener of listeners) listener(message)
  }

  const workspace = signal<Workspace | null>(null)
  effect(() => {
    const now = session.value
    untracked(() => {
      const before = workspace.peek()
      if (now.state === 'signed-in') {
        const same = before?.me === now.me.user_id
        const current = same ? before : new Workspace(now.me.user_id, config, http, tell)
        current.know(now.me)
        if (same) return
        workspace.value = current
        void before?.stop({ forget: tokens.forgotten })
      } else if (before) {
        workspace.value = null
        // Who was signed out by the server finds unsent messages and drafts again after signing in.
        void before.stop({ forget: tokens.forgotten })
      }
    })
  })

  const needWorkspace = (): Workspace => {
    const current = workspace.peek()
    if (!current) throw signedOutError()
    return current
  }
  const answer = async <T>(verb: () => Promise<T>): Promise<T | { problem: UserError }> => {
    try {
      return await verb()
    } catch (error) {
      return { problem: toUserError(error) }
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
    open: (conversationId) => needWorkspace().open(conversationId),
    close: (conversationId) => workspace.peek()?.close(conversationId),
    presence: computed(() => workspace.value?.presence.value ?? new Map()),
    act: (conversationId, deed) => needWorkspace().act(conversationId, deed),
    ask: (question) =>
      answer(async () => ({ answer: await question({ http, take: (mine) => needWorkspace().join(mine) }) })),
    findUsers: (prefix) =>
      answer(async () => {
        const users = await api.usersByPrefix(prefix)
        needWorkspace().learnUsers(users)
        return { users }
      }),
    startDirect: (userId) =>
      answer(async () => ({ id: await needWorkspace().begin({ kind: 'direct', member_ids: [userId] }) })),
    startGroup: async (title, userIds) => {
      const problem = checkTitle(title)
      if (problem) return { problem }
      return answer(async () => ({
        id: await needWorkspace().begin({ kind: 'group', title: title.trim(), member_ids: userIds }),
      }))
    },
    saveProfile: async (profile) => checkProfile(profile) ?? toResult(async () => updateMe(await api.saveMe(profile))),
    onMessage: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
