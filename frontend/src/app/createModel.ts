/** Composition root: creates the model from core and auth. */
import { computed, effect, signal, untracked } from '@preact/signals'
import { createSession } from '../auth/session'
import { Tokens } from '../auth/tokens'
import type { Model } from '../core/model'
import { createApi } from '../core/net/api'
import { loadConfig } from '../core/net/config'
import { signedOutError, toResult, toUserError, type UserError } from '../core/net/errors'
import { createHttp } from '../core/net/http'
import { deleteUserData } from '../core/storage/db'
import { updateAvailable } from '../core/platform/serviceWorker'
import { isKept } from '../core/storage/kept'
import { Workspace } from '../core/sync/workspace'
import { checkGroupTitle, checkProfile } from '../core/validation'

type MessageListener = Parameters<Model['onMessage']>[0]

export function createModel(): Model {
  const config = loadConfig()
  const tokens = new Tokens(config)
  const { session, auth, updateMe } = createSession({
    config,
    tokens,
    loadMe: (ended) => createApi(createHttp(config, tokens, ended)).me(),
  })
  const listeners = new Set<MessageListener>()

  const workspace = signal<Workspace | null>(null)
  /** Whose data is shown; null: of no user. undefined: not known yet. */
  let shownUser: string | null | undefined
  effect(() => {
    const current = session.value
    const me = current.state === 'signed-in' ? current.me : null
    const user = current.state === 'starting' ? undefined : (me?.user_id ?? null)
    untracked(() => {
      if (user !== shownUser) void switchUser((shownUser = user))
      if (me) workspace.peek()?.setOwnProfile(me)
    })
  })

  /** Show the data of this user; that of all others is deleted from the browser. */
  async function switchUser(user: string | null | undefined): Promise<void> {
    const previous = workspace.peek()
    const next: Workspace | null = user
      ? new Workspace(user, config, tokens, (message) => {
          // A response that arrives after the sign-out must not be announced.
          if (workspace.peek() === next) for (const listener of listeners) listener(message)
        })
      : null
    const stopped = previous?.stop()
    workspace.value = next
    await stopped
    // Another tab can have signed in meanwhile; without a profile it is still doing so, and deletes what is left.
    const stored = await tokens.settledSession()
    if (!stored || stored.me) await deleteUserData(stored?.me?.user_id ?? null, previous?.me ?? null)
  }

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
    isKept,
    updateAvailable,
    conversations: computed(() => workspace.value?.conversations.value ?? null),
    listError: computed(() => workspace.value?.listError.value ?? null),
    totalUnread: computed(() => workspace.value?.totalUnread.value ?? 0),
    reload: () => void workspace.peek()?.reload(),
    open: (conversationId) => requireWorkspace().open(conversationId),
    close: (conversationId) => workspace.peek()?.close(conversationId),
    presence: computed(() => workspace.value?.presence.value ?? new Map()),
    act: (conversationId, action) => requireWorkspace().act(conversationId, action),
    request: (task) =>
      attempt(async () => {
        const current = requireWorkspace()
        return { value: await task({ http: current.http, addConversation: (response) => current.addConversation(response) }) }
      }),
    findUsers: (prefix) =>
      attempt(async () => {
        const current = requireWorkspace()
        const users = await current.api.usersByPrefix(prefix)
        current.addUsers(users)
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
    saveProfile: async (profile) => checkProfile(profile) ?? toResult(async () => updateMe(await requireWorkspace().api.saveMe(profile))),
    onMessage: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
