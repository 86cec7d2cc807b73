/** Reading the list of conversations, which the server returns in pages and in no particular order. */
import { effect } from '@preact/signals'
import { expect, test } from 'vitest'
import { json, ROOM } from '../../support/fakeServer'
import { server, start, waitUntil } from '../../support/testClient'

const PAGES = 3

/** Serve the list in pages of one conversation each; the page `failing` fails. */
function servePages(failing?: number): void {
  server.before = ({ path, query }) => {
    if (path !== '/conversations') return undefined
    const page = Number(query.get('cursor') ?? 0)
    if (page === failing) return 'network'
    const entry = server.entry()
    const conversation = { ...entry.conversation, conversation_id: page === 0 ? ROOM : `c-${page}`, created_at_ms: page }
    return json(200, { conversations: [{ ...entry, conversation }], users: entry.users, ...(page + 1 < PAGES && { next_cursor: String(page + 1) }) })
  }
}

test('the list of a first start shows at once, with all pages, so that no row moves', async () => {
  servePages()
  const { workspace } = await start({ online: false })
  const lengths: (number | null)[] = []
  const dispose = effect(() => void lengths.push(workspace.conversations.value?.length ?? null))
  await waitUntil(() => workspace.conversations.value !== null)
  dispose()
  expect(lengths).toEqual([null, PAGES])
})

test('if a page cannot be read, the list shows those before it and the error', async () => {
  servePages(2)
  const { workspace } = await start({ online: false })
  await waitUntil(() => workspace.listError.value !== null)
  expect(workspace.conversations.value).toHaveLength(2)
})

test('the list stays the same array while its order does', async () => {
  server.addMessage('first')
  servePages()
  const { workspace, room } = await start()
  await waitUntil(() => workspace.conversations.value?.length === PAGES)
  const before = workspace.conversations.value
  room.setDraft('a draft')
  server.addMessage('newest')
  await waitUntil(() => room.summary.value.preview?.body === 'newest')
  expect(workspace.conversations.value).toBe(before)
})

test('a conversation left while the list is read does not come back with a page', async () => {
  servePages()
  const { workspace } = await start()
  await waitUntil(() => workspace.conversations.value?.length === PAGES)
  const serve = server.before
  server.before = (call) => {
    if (call.path === '/conversations' && !call.query.has('cursor')) server.push({ type: 'conversation', conversation_id: 'c-1', change: 'removed' })
    return serve(call)
  }
  await workspace.reload()
  expect(workspace.conversations.value?.map(({ id }) => id)).toEqual(['c-2', ROOM])
})
