import { expect, test } from 'vitest'
import { watchPresence, type ActionContext } from '../../../src/core/actions'
import { Membership } from '../../../src/core/sync/membership'
import type { Member } from '../../../src/core/net/protocol'

const member = (user_id: string, read_seq = 1): Member => ({ user_id, role: 'member', joined_seq: 1, read_seq })

function membershipWith(pages: Member[][]) {
  const requestedCursors: (string | undefined)[] = []
  const members = async (_: string, cursor?: string) => {
    requestedCursors.push(cursor)
    const page = Number(cursor ?? 0)
    return { members: pages[page] ?? [], users: [], ...(page + 1 < pages.length && { next_cursor: `${page + 1}` }) }
  }
  const profiles = { get: (user_id: string) => ({ user_id, handle: null, display_name: null }), add: () => undefined }
  return { requestedCursors, membership: new Membership('room', { me: 'me', api: { members }, profiles } as never) }
}

test('members not included in the conversation load in pages, each once', async () => {
  const { requestedCursors, membership } = membershipWith([[member('a'), member('b')], [member('c')]])
  membership.setMembers(undefined)
  expect(membership.hasMore.value).toBe(true)
  await membership.loadMore()
  membership.applyReceipt('a', 7)
  membership.setMembers(undefined)
  await membership.loadMore()
  await membership.loadMore()
  expect(membership.list.value?.map((each) => `${each.user_id} ${each.read_seq}`)).toEqual(['a 7', 'b 1', 'c 1'])
  expect(membership.hasMore.value).toBe(false)
  expect(requestedCursors).toEqual([undefined, '1'])
})

test('included members need no pages, and readByOthers ignores the own cursor', () => {
  const { membership } = membershipWith([])
  membership.setMembers([member('me', 9), member('a', 4)])
  expect([membership.hasMore.value, membership.readByOthers.value]).toEqual([false, 4])
})

test('the presence of fifty members takes two requests', async () => {
  const calls: string[] = []
  const http = {
    send: async (method: string, path: string, body: { user_ids: string[] }) => (calls.push(`${method} ${path} ${body.user_ids.length}`), { presence: [] }),
    get: async (path: string, query: { user_ids: string }) => (calls.push(`GET ${path} ${query.user_ids.split(',').length}`), { presence: [] }),
  }
  const context = { http, path: (rest = '') => rest, setPresence: () => undefined } as unknown as ActionContext
  await watchPresence(Array.from({ length: 50 }, (_, n) => `u${n}`))(context)
  expect(calls).toEqual(['PUT /presence/watch 20', 'GET /presence 30'])
})
