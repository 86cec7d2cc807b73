/** Unwanted groups: the setting, the text of a refusal, and leaving with a block. */
import { computed, signal } from '@preact/signals'
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact'
import { afterEach, expect, test, vi } from 'vitest'
import { fakeModel } from '../../dev/fakeModel'
import type { ActionContext } from '../../src/core/actions'
import type { Model } from '../../src/core/model'
import { errorFromResponse } from '../../src/core/net/errors'
import type { Http } from '../../src/core/net/http'
import type { User } from '../../src/core/net/protocol'
import { ModelContext } from '../../src/ui/app/context'
import { additionError } from '../../src/ui/conversations/additionError'
import { LeaveAndBlock } from '../../src/ui/conversations/LeaveAndBlock'
import { GroupAdditions } from '../../src/ui/settings/GroupAdditions'

afterEach(cleanup)

const ANA: User = { user_id: 'u-ana', handle: 'ana', display_name: 'Ana' }
const BO: User = { user_id: 'u-bo', handle: 'bo', display_name: 'Bo' }

function refusal(status: number, details: Record<string, unknown>) {
  const body = { error: { code: 'x', message: 'for developers', retryable: false, request_id: 'r', details } }
  return errorFromResponse(status, body, null).userError
}

test('a refusal names who cannot be added, and what to do instead', () => {
  const error = refusal(403, { reason: 'group_additions', user_ids: ['u-bo'] })
  expect(additionError(error, [ANA, BO]).message).toBe('Bo: Only people they know can add them to a group. Send an invite link instead.')
  const blocked = refusal(403, { reason: 'blocked', user_ids: ['u-ana', 'u-bo'] })
  expect(additionError(blocked, [ANA, BO]).message).toBe('Ana and Bo: One of you has blocked the other.')
})

test.each([400, 429])('the limit of strangers is explained with its number, also with status %i', (status) => {
  const error = refusal(status, { reason: 'strangers', limit: 20 })
  expect(additionError(error, [ANA]).message).toBe(
    'You can add at most 20 people an hour who don’t know you. Try again later, or send an invite link.',
  )
})

test('the setting is saved, and its text says what holds now', async () => {
  const model = fakeModel({})
  const group_additions = signal<'everyone' | 'known'>('everyone')
  const session = computed(() => {
    const now = model.session.value
    return now.state === 'signed-in' ? { ...now, me: { ...now.me, group_additions: group_additions.value } } : now
  })
  const saveProfile = vi.fn(async (profile: Parameters<Model['saveProfile']>[0]) => {
    group_additions.value = profile.group_additions ?? 'everyone'
    return null
  })
  render(<ModelContext.Provider value={{ ...model, session, saveProfile }}><GroupAdditions /></ModelContext.Provider>)

  fireEvent.click(screen.getByRole('button', { name: 'Restrict' }))
  await screen.findByText(/^Only people you wrote to/)
  fireEvent.click(screen.getByRole('button', { name: 'Allow all' }))
  await screen.findByText('Everyone can add you to groups.')
  expect(saveProfile.mock.calls).toEqual([[{ group_additions: 'known' }], [{ group_additions: 'everyone' }]])
})

/** Render the button in a group that `actor` added the user to; returns the requests. */
function leaveAndBlock(actor: string) {
  const requests: string[] = []
  const http: Http = {
    get: async <T,>(path: string, query?: object) => {
      requests.push(`GET ${path} ${JSON.stringify(query ?? {})}`)
      return (path.startsWith('/users') ? { user: BO } : { events: [{ seq: 7, type: 'member.added', actor_id: actor }], has_more: true }) as T
    },
    send: async <T,>(method: string, path: string) => (requests.push(`${method} ${path}`), {} as T),
  }
  const model = fakeModel({})
  const conversation = {
    ...model.open('c-release'),
    me: 'u-me',
    act: async (action: (context: ActionContext) => Promise<unknown>) => {
      await action({ http, path: (rest = '') => `/conversations/c-release${rest}`, onLeft: () => requests.push('left') } as never)
      return null
    },
  }
  const request: Model['request'] = async (task) => ({ value: await task({ http, addConversation: () => undefined }) })
  render(
    <ModelContext.Provider value={{ ...model, request }}>
      <LeaveAndBlock conversation={conversation} joinedSeq={7} />
    </ModelContext.Provider>,
  )
  return requests
}

test('leaving can block the user who added me, in one request', async () => {
  const requests = leaveAndBlock('u-bo')
  fireEvent.click(await screen.findByRole('button', { name: 'Leave and block Bo' }))
  expect(requests).toEqual(['GET /conversations/c-release/events {"after":6,"limit":1}', 'GET /users/u-bo {}'])
  expect(screen.getByRole('group', { name: /Leave this group and block Bo, who added you\?/ })).toBeTruthy()
  fireEvent.click(screen.getByRole('button', { name: 'Leave and block Bo' }))
  await waitFor(() => expect(requests.slice(2)).toEqual(['DELETE /conversations/c-release/members/u-me?block=u-bo', 'left']))
})

test('who joined a group by themselves has no one to block', async () => {
  const requests = leaveAndBlock('u-me')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(requests, 'no profile is requested').toHaveLength(1)
  expect(screen.queryByRole('button')).toBeNull()
})
