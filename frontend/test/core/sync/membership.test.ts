import { expect, test } from 'vitest'
import { watch, type ActionContext } from '../../../src/core/actions'
import { Membership } from '../../../src/core/sync/membership'
import type { Member } from '../../../src/core/net/protocol'

const member = (user_id: string, read_seq = 1): Member => ({ user_id, role: 'member', joined_seq: 1, read_seq })

function room(pages: Member[][]) {
  const asked: (string | undefined)[] = []
  const members = async (_: string, cursor?: string) => {
    asked.push(cursor)
    const page = Number(cursor ?? 0)
    return { members: pages[page] ?? [], users: [], ...(page + 1 < pages.length && { next_cursor: `${page + 1}` }) }
  }
  const profiles = { get: (user_id: string) => ({ user_id, handle: null, display_name: null }), learn: () => undefined }
  return { asked, membership: new Membership('room', { me: 'me', api: { members }, profiles } as never) }
}

test('members that are not given with the room are read page by page, each once', async () => {
  const { asked, membership } = room([[member('a'), member('b')], [member('c')]])
  membership.take(undefined)
  expect(membership.more.value).toBe(true)
  await membership.readOn()
  membership.receipt('a', 7)
  membership.take(undefined)
  await membership.readOn()
  await membership.readOn()
  expect(membership.list.value?.map((each) => `${each.user_id} ${each.read_seq}`)).toEqual(['a 7', 'b 1', 'c 1'])
  expect(membership.more.value).toBe(false)
  expect(asked).toEqual([undefined, '1'])
})

test('members that are given need no pages, and my own reading is not that of others', () => {
  const { membership } = room([])
  membership.take([member('me', 9), member('a', 4)])
  expect([membership.more.value, membership.readByOthers.value]).toEqual([false, 4])
})

test('fifty members are watched with two requests', async () => {
  const calls: string[] = []
  const http = {
    send: async (method: string, path: string, body: { user_ids: string[] }) => (calls.push(`${method} ${path} ${body.user_ids.length}`), { presence: [] }),
    get: async (path: string, query: { user_ids: string }) => (calls.push(`GET ${path} ${query.user_ids.split(',').length}`), { presence: [] }),
  }
  const reach = { http, at: (rest = '') => rest, seen: () => undefined } as unknown as ActionContext
  await watch(Array.from({ length: 50 }, (_, n) => `u${n}`))(reach)
  expect(calls).toEqual(['PUT /presence/watch 20', 'GET /presence 30'])
})
