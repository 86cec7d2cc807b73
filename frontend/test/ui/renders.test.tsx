/** Which views render again after a change: those that show it, however many conversations and messages there are. */
import '../support/layout'
import { cleanup, fireEvent, render, screen } from '@testing-library/preact'
import { options, type VNode } from 'preact'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeModel } from '../../dev/fakeModel'
import type { Model } from '../../src/core/model'
import type { ConversationResponse } from '../../src/core/net/protocol'
import type { Conversation } from '../../src/core/sync/conversation'
import type { Workspace } from '../../src/core/sync/workspace'
import { ModelContext } from '../../src/ui/app/context'
import { route } from '../../src/ui/app/route'
import { Shell } from '../../src/ui/app/Shell'
import { json, ME, PEER, ROOM } from '../support/fakeServer'
import { advance, server, start, waitUntil } from '../support/testClient'

const CONVERSATIONS = 300
/** All fit into the viewport: without a layout the timeline cannot scroll. */
const MESSAGES = 8

const counts = new Map<string, number>()
const hooks = options as typeof options & { __r?: (vnode: VNode) => void }
const previousHook = hooks.__r

beforeEach(() => {
  hooks.__r = (vnode) => {
    const { type } = vnode
    const name = typeof type === 'function' ? type.displayName || type.name : ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
    previousHook?.(vnode)
  }
})

afterEach(() => {
  if (previousHook) hooks.__r = previousHook
  cleanup()
  route.value = { conversationId: null, panel: null }
})

/** Return another conversation of the list. */
function other(number: number): ConversationResponse {
  const entry = server.entry()
  const members = [ME, `u-${number}`].map((user_id) => ({ user_id, role: 'member' as const, joined_seq: 1, read_seq: 1 }))
  const conversation = { ...entry.conversation, conversation_id: `c-${number}`, created_at_ms: number, last_seq: 1, message_count: 0, members }
  return { conversation, unread: 0, read_seq: 1, read_count: 0, users: [{ user_id: `u-${number}`, handle: `u${number}`, display_name: `User ${number}` }] }
}

/** Render the client with a list of 300 conversations, the newest of which is open. */
async function openLargeAccount(): Promise<{ workspace: Workspace; room: Conversation; field: HTMLTextAreaElement }> {
  for (let i = 0; i < MESSAGES; i++) server.addMessage(`message ${i}`, i % 3 === 0 ? ME : PEER, `m-${i}`)
  const others = Array.from({ length: CONVERSATIONS - 1 }, (_, i) => other(i))
  server.before = ({ path }) => {
    if (path === '/conversations') {
      const all = [server.entry(), ...others]
      return json(200, { conversations: all, users: all.flatMap(({ users }) => users) })
    }
    const found = others.find(({ conversation }) => path.startsWith(`/conversations/${conversation.conversation_id}`))
    return found && json(200, found)
  }
  const { workspace, room } = await start()
  const model: Model = {
    ...fakeModel({}),
    conversations: workspace.conversations,
    presence: workspace.presence,
    open: (id) => workspace.open(id),
    close: (id) => workspace.close(id),
  }
  route.value = { conversationId: ROOM, panel: null }
  render(<ModelContext.Provider value={model}><Shell /></ModelContext.Provider>)
  await waitUntil(() => screen.queryAllByRole('article').length > 5 && document.querySelectorAll('.row').length > 5)
  await advance(1_000)
  counts.clear()
  return { workspace, room, field: screen.getByRole('textbox', { name: 'Message to Peer' }) }
}

const rendered = (): string[] => [...counts.keys()].filter((name) => name !== '').sort()

test('the list has rows only for what is visible, and each one says its position', async () => {
  await openLargeAccount()
  const items = document.querySelectorAll('.row-item')
  expect(items.length).toBeLessThan(30)
  expect(items[0]?.getAttribute('aria-setsize')).toBe(String(CONVERSATIONS))
  expect(items[0]?.getAttribute('aria-posinset')).toBe('1')
  expect([...document.querySelectorAll<HTMLElement>('.row-item *, article *')].filter((each) => each.tabIndex === 0 && each.matches('a, button'))).toHaveLength(3)
})

test('a keystroke renders the composer alone', async () => {
  const { field } = await openLargeAccount()
  fireEvent.input(field, { target: { value: 'h' } })
  await advance(50)
  counts.clear()
  fireEvent.input(field, { target: { value: 'he' } })
  await advance(50)
  expect(rendered()).toEqual(['Composer', 'Icon', 'IconButton'])
})

test('a sent message renders its bubble and its row, not the others', async () => {
  const { room } = await openLargeAccount()
  void room.send('sent')
  await advance(200)
  expect(screen.getByText('sent', { selector: '.body' })).toBeTruthy()
  expect(counts.get('ConversationRow')).toBeLessThanOrEqual(3)
  // Pending and sent, and the one before it, which is no longer the last.
  expect(counts.get('MessageBubble')).toBeLessThanOrEqual(6)
  expect(counts.has('Composer')).toBe(false)
  expect(counts.has('Header')).toBe(false)
})

test('a received message renders its bubble and its row, not the others', async () => {
  await openLargeAccount()
  server.addMessage('received')
  await advance(200)
  expect(screen.getByText('received', { selector: '.body' })).toBeTruthy()
  expect(counts.get('ConversationRow')).toBeLessThanOrEqual(3)
  expect(counts.get('MessageBubble')).toBeLessThanOrEqual(3)
  expect(counts.has('Composer')).toBe(false)
  expect(counts.has('Header')).toBe(false)
})

test.each([
  ['a typing user', () => server.push({ type: 'typing', conversation_id: ROOM, user_id: PEER }), ['Preview', 'StatusLine']],
  ['a typing user of another conversation', () => server.push({ type: 'typing', conversation_id: 'c-298', user_id: 'u-298' }), ['Preview']],
  ['a receipt', () => server.push({ type: 'receipt', conversation_id: ROOM, user_id: PEER, read_seq: MESSAGES + 1 }), ['Icon', 'SentStatus', 'StatusIcon']],
])('%s renders only what shows it', async (_, change, expected) => {
  await openLargeAccount()
  change()
  await advance(50)
  expect(rendered()).toEqual(expected)
})

test('a changed presence renders the row and the status of this user', async () => {
  const { room } = await openLargeAccount()
  await room.act(async ({ setPresence }) => setPresence([PEER], [{ user_id: PEER, online: false }], Date.now() + 60_000))
  await advance(50)
  counts.clear()
  server.push({ type: 'presence', user_id: PEER, online: true })
  await advance(50)
  expect(counts.get('ConversationRow')).toBe(1)
  expect(rendered().filter((name) => !['Avatar', 'ConversationRow', 'PeerPresence', 'Preview'].includes(name))).toEqual([])
})

test('a loaded profile renders only what shows this user', async () => {
  const { workspace } = await openLargeAccount()
  workspace.addUsers([{ user_id: 'u-new', handle: 'new', display_name: 'New' }])
  await advance(50)
  expect(rendered()).toEqual([])
  workspace.addUsers([{ user_id: 'u-298', handle: 'u298', display_name: 'Renamed' }])
  await advance(50)
  expect(screen.getByText('Renamed')).toBeTruthy()
  expect(counts.get('ConversationRow')).toBe(1)
  expect(counts.has('MessageBubble')).toBe(false)
})

test('a message of another conversation renders no message and not the composer', async () => {
  await openLargeAccount()
  const message = { client_message_id: 'x', body: 'elsewhere' }
  server.push({ type: 'events', conversation_id: 'c-290', events: [{ seq: 2, at_ms: 5, actor_id: 'u-290', message_count: 1, type: 'message.created', message }] })
  await advance(50)
  expect(counts.get('ConversationRow')).toBe(1)
  expect(counts.has('MessageBubble')).toBe(false)
  expect(counts.has('Composer')).toBe(false)
})

test('the arrow keys, Home, End and letters move the focus through all rows', async () => {
  await openLargeAccount()
  const list = document.querySelector('.list-scroll') as HTMLElement
  const focusedName = () => document.activeElement?.querySelector('.row-name')?.textContent
  list.querySelector<HTMLElement>('.row')?.focus()
  for (const [key, name] of [['ArrowDown', 'User 298'], ['ArrowDown', 'User 297'], ['ArrowUp', 'User 298'], ['End', 'User 0'], ['Home', 'Peer'], ['u', 'User 298'], ['P', 'Peer']] as const) {
    fireEvent.keyDown(document.activeElement as HTMLElement, { key })
    await advance(1_000)
    expect(focusedName()).toBe(name)
  }
})
