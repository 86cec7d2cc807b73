/** A fake model for development and tests: made-up data, no server and no storage. */
import '../src/i18n/signIn'
import { computed, type Signal, signal } from '@preact/signals'
import { setupUri } from '../src/auth/twoStep'
import type { ConversationModel, ConversationSummary, ListedConversation, Model, Session, TimelineItem, TwoStepModel } from '../src/core/model'
import type { Result, UserError } from '../src/core/net/errors'
import { DEFAULT_SETTINGS } from '../src/core/sync/summary'
import type { SiteSignUp, User } from '../src/core/net/protocol'
import { t } from '../src/i18n'
import { ANA, BEN, CHIARA, DIRECT, DMITRI, GROUP, HIRO, LONG, type Line, ME, USERS, YAEL } from './users'

const MINUTE = 60_000
const now = Date.now()
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const error = (code: string, message: string, field?: string): UserError => ({ code, message, ...(field ? { field } : {}) })
const succeed = async (): Promise<null> => (await wait(400), null)

type Query = Record<string, string | undefined>

const SESSIONS: Record<string, Session> = {
  starting: { state: 'starting' },
  'signed-out': { state: 'signed-out' },
  confirming: { state: 'confirming', email: 'nora@example.com' },
  'new-password': { state: 'new-password', email: 'nora@example.com' },
  code: { state: 'code', email: 'nora@example.com' },
  resetting: { state: 'resetting', email: 'nora@example.com' },
  new: { state: 'signed-in', me: { ...ME, handle: null, display_name: null } },
}

interface Entry {
  id: string
  summary: ConversationSummary
  draft: string
  typing: string[]
}

function summary(
  id: string, kind: 'direct' | 'group', name: string, ago: number, { draft = '', typing = [], ...rest }: Partial<ConversationSummary> & Partial<Pick<Entry, 'draft' | 'typing'>>,
): Entry {
  const shown = { id, kind, name, preview: null, at_ms: now - ago * MINUTE, unread: 0, mentions: 0, settings: DEFAULT_SETTINGS, ...rest }
  return { id, summary: shown, draft, typing }
}

const SIGN_UP: Record<string, SiteSignUp> = {
  invitation: { policy: 'invitation', domains: [] },
  domain: { policy: 'domain', domains: ['example.org', 'example.com'] },
}

const theirPreview = (author: string, body: string) => ({ author, own: false, body, pending: false })
const ownPreview = (body: string, pending = false) => ({ author: ME.display_name, own: true, body, pending })

function summaries(): Entry[] {
  return [
    summary('c-ana', 'direct', 'Ana Silva', 3, { peer: ANA, preview: ownPreview('With pleasure. 12:30 at the bridge?') }),
    summary('c-release', 'group', 'Release crew', 9, { preview: theirPreview('Chiara', 'Shall we ship at three?'), unread: 3 }),
    summary('c-dmitri', 'direct', 'Дмитрий Волков', 26, { peer: DMITRI, typing: ['Дмитрий'], unread: 1, preview: theirPreview('Дмитрий', 'Смотри') }),
    summary('c-ben', 'direct', 'Ben Okafor', 64, { peer: BEN, draft: 'About the invoice: could you', preview: theirPreview('Ben', 'Sent you the invoice') }),
    summary('c-yael', 'direct', 'יעל כהן', 150, { peer: YAEL, preview: theirPreview('יעל', 'מתי מעלים לכולם?') }),
    summary('c-lunch', 'group', 'Lunch on Thursdays', 1500, { preview: ownPreview('I can bring the cake', true) }),
    summary('c-hiro', 'direct', '田中 弘', 3100, { peer: HIRO, preview: theirPreview('弘', '今日の午後でいいと思います。') }),
    summary('c-long', 'direct', LONG.display_name ?? '', 9000, {
      peer: LONG,
      unread: 1284,
      preview: theirPreview('Max', 'A line that is far too long to fit into one row of the list and must end in three dots'),
    }),
    summary('c-design', 'group', 'Design review', 40_000, { preview: theirPreview('Chiara', 'New icons are in') }),
    summary('c-chiara', 'direct', 'Chiara Rossi', 400_000, { peer: CHIARA, preview: null }),
  ]
}

function items(lines: Line[], extra: TimelineItem[]): TimelineItem[] {
  const messages = lines.map(([author, ago, body], i): TimelineItem => ({
    kind: 'message',
    key: `m${i}`,
    seq: i + 3,
    at_ms: now - ago * MINUTE,
    author,
    own: author.user_id === ME.user_id,
    body,
    state: 'sent',
  }))
  return [...messages, ...extra]
}

const FAILED: TimelineItem = {
  kind: 'message', key: 'p2', seq: null, at_ms: now, author: ME, own: true, state: 'failed',
  body: 'I will reserve a table.', error: error('busy', 'The server is busy.'),
}
const PENDING: TimelineItem = {
  kind: 'message', key: 'p1', seq: null, at_ms: now, author: ME, own: true, state: 'pending', body: 'Shall I ask Ben to join us?',
}

function notices(): TimelineItem[] {
  const at_ms = now - (1440 + 460) * MINUTE
  const base = { at_ms, actor_id: ME.user_id, message_count: 0 }
  return [
    { kind: 'notice', key: 'n1', seq: 1, at_ms, actor: ME, event: { ...base, seq: 1, type: 'conversation.created', kind: 'group', title: 'Release crew', member_ids: [] } },
    { kind: 'notice', key: 'n2', seq: 2, at_ms, actor: ME, subject: HIRO, event: { ...base, seq: 2, type: 'member.added', user_id: HIRO.user_id, role: 'member' } },
  ]
}

const WORDS = 'the quick brown fox jumps over a lazy dog while no one looks and then it sleeps until morning'.split(' ')

/** Return `count` messages, one every two minutes, the last with seq `until`. */
function generateMessages(until: number, count: number): TimelineItem[] {
  return Array.from({ length: count }, (_, i): TimelineItem => {
    const seq = until - count + 1 + i
    const author = [ANA, ME, ANA, ANA, ME][Math.floor(seq / 3) % 5] ?? ANA
    const body = `${seq}: ${WORDS.slice(0, 1 + ((seq * 7) % WORDS.length)).join(' ')}`
    const at_ms = now - (100_000 - seq) * 2 * MINUTE
    return { kind: 'message', key: `h${seq}`, seq, at_ms, author, own: author === ME, body, state: 'sent' }
  })
}

function conversation(id: string, all: Signal<Entry[] | null>, query: Query): ConversationModel {
  const entry = computed(() => all.value?.find((c) => c.id === id) ?? summary(id, 'direct', 'Ana Silva', 0, { peer: ANA }))
  const own = computed(() => entry.value.summary)
  const group = own.peek().kind === 'group'
  const state = query.history ?? 'full'
  const start = group
    ? [...notices(), ...items(GROUP, [])]
    : items(DIRECT, query.unsent ? [PENDING, FAILED] : [])
  const huge = state === 'huge' ? generateMessages(100_000, 100_000) : state === 'pages' ? generateMessages(100_000, 60) : null
  const timeline = signal<TimelineItem[]>(state === 'full' ? start : (huge ?? []))
  const loading = signal<'first' | 'older' | null>(state === 'loading' ? 'first' : null)
  const draft = signal(entry.peek().draft)
  const hasOlder = signal(state === 'pages')
  let next = 200_000
  const users = group ? [ME, ...USERS] : [ME, own.peek().peer ?? ANA]
  const append = (item: TimelineItem) => (timeline.value = [...timeline.value, item])
  return {
    id,
    me: ME.user_id,
    summary: own,
    identity: own,
    typingNames: computed(() => entry.value.typing),
    timeline,
    loading,
    hasOlder,
    draft,
    error: signal(
      state === 'error' ? error('unreachable', t('error.network')) : state === 'missing' ? error('not_found', '') : null,
    ),
    unreadFrom: signal(group ? 12 : null),
    members: signal(users.map((user, i) => ({
      user_id: user.user_id, user, role: !group ? 'member' : i === 0 ? 'owner' : i === 2 ? 'admin' : 'member', joined_seq: 1, read_seq: 1,
    }))),
    readByOthers: signal(15),
    hasMoreMembers: signal(false),
    loadMoreMembers: succeed,
    refresh: async () => undefined,
    setDraft: (text) => (draft.value = text),
    loadOlder: async () => {
      if (state !== 'pages' || loading.value) return
      loading.value = 'older'
      await wait(Number(query.slow ?? 150))
      const first = timeline.value[0]?.seq ?? 1
      timeline.value = [...generateMessages(first - 1, 60), ...timeline.value]
      loading.value = null
    },
    send: async (body) => {
      const key = `s${next}`
      const seq = (next += 1)
      const base = { kind: 'message' as const, key, at_ms: Date.now(), author: ME, own: true as const, body }
      append({ ...base, seq: null, state: body === 'fail' ? 'failed' : 'pending' })
      if (body !== 'fail') {
        void wait(300).then(() => {
          timeline.value = timeline.value.map((item) => (item.key === key ? { ...base, seq, state: 'sent' } : item))
        })
      }
      return null
    },
    retry: (key) => {
      timeline.value = timeline.value.map((item) =>
        item.key === key && item.kind === 'message' && item.seq === null ? { ...item, state: 'pending' } : item,
      )
    },
    discard: (key) => (timeline.value = timeline.value.filter((item) => item.key !== key)),
    markRead: () => undefined,
    typing: () => undefined,
    details: signal({
      conversation_id: id, kind: own.peek().kind, title: null, created_at_ms: now, last_seq: 1, message_count: 1, member_count: users.length, pinned: [],
    }),
    act: succeed,
    // To try it in the console: model.open(id).receive('…')
    ...{ receive: (body: string) => append({ kind: 'message', key: `r${next}`, seq: (next += 1), at_ms: Date.now(), author: ANA, own: false, body, state: 'sent' }) },
  }
}

function twoStep(on: boolean): TwoStepModel {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  return {
    isOn: async () => ({ value: on }),
    setUp: async () => ({ value: { secret, uri: setupUri('chat.example.org', 'nora@example.com', secret) } }),
    turnOn: async (code) => {
      if (code !== '123456') return error('wrong_code', t('signInError.wrongAppCode'), 'code')
      on = true
      return null
    },
    turnOff: async () => ((on = false), null),
  }
}

export function fakeModel(query: Query): Model {
  const session = signal<Session>(SESSIONS[query.session ?? ''] ?? { state: 'signed-in', me: ME })
  const list = query.list ?? 'full'
  const entries = signal<Entry[] | null>(list === 'full' ? summaries() : list === 'empty' ? [] : null)
  const open = new Map<string, ConversationModel>()
  const openModel = (id: string): ConversationModel => {
    const model = open.get(id) ?? conversation(id, entries, query)
    open.set(id, model)
    return model
  }
  const conversations = computed((): ListedConversation[] | null => entries.value?.map(({ id }) => openModel(id)) ?? null)
  const go = (next: Session) => async (): Result => (await wait(600), (session.value = next), null)
  const email = 'nora@example.com'
  return {
    session,
    auth: {
      signUpPolicy: signal(SIGN_UP[query.signUp ?? ''] ?? { policy: 'open', domains: [] }),
      signUp: go({ state: 'confirming', email }),
      confirm: async () => error('invalid', t('signInError.expiredCode'), 'code'),
      resendCode: succeed,
      signIn: async (_, password) => {
        await wait(600)
        if (password !== 'password') return error('wrong', t('signInError.wrongCredentials'))
        session.value = { state: 'signed-in', me: ME }
        return null
      },
      setNewPassword: succeed,
      sendAppCode: async (code) => {
        await wait(600)
        if (code !== '123456') return error('wrong_code', t('signInError.wrongAppCode'), 'code')
        session.value = { state: 'signed-in', me: ME }
        return null
      },
      forgotPassword: go({ state: 'resetting', email }),
      resetPassword: succeed,
      changePassword: async () => error('wrong', t('signInError.wrongCurrentPassword'), 'current'),
      cancel: () => (session.value = { state: 'signed-out' }),
      signOut: async () => void (session.value = { state: 'signed-out' }),
      twoStep: twoStep(query.twoStep !== undefined),
    },
    isKept: signal(query.storage !== 'refused'),
    updateAvailable: signal(query.update !== undefined),
    connection: signal(query.connection === 'offline' || query.connection === 'connecting' || query.connection === 'polling' ? query.connection : 'online'),
    conversations,
    listError: signal(list === 'error' ? error('unreachable', t('error.network')) : null),
    reload: () => (entries.value = summaries()),
    totalUnread: computed(() => entries.value?.reduce((sum, c) => sum + c.summary.unread, 0) ?? 0),
    open: openModel,
    close: () => undefined,
    isAdmin: signal(query.admin !== undefined),
    presence: signal(new Map()),
    act: succeed,
    request: async () => ({ error: error('made_up', 'The fake model has no server.') }),
    findUsers: async (prefix) => (await wait(200), { users: USERS.filter((user: User) => user.handle?.startsWith(prefix)) }),
    startDirect: async () => (await wait(300), { id: 'c-ana' }),
    startGroup: async () => (await wait(300), { id: 'c-release' }),
    saveProfile: async ({ handle }) => {
      await wait(500)
      if (handle === 'taken') return error('conflict', 'The handle “taken” belongs to someone else. Choose another.', 'handle')
      session.value = { state: 'signed-in', me: { ...ME, handle: handle ?? ME.handle } }
      return null
    },
    onMessage: () => () => undefined,
  }
}
