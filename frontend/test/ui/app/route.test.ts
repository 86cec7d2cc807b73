import { beforeEach, describe, expect, test } from 'vitest'
import { closePanel, hashForRoute, openConversation, openPanel, parseRoute, type Route, route } from '../../../src/ui/app/route'

test.each<[string, Route]>([
  ['', { conversationId: null, panel: null }],
  ['#/', { conversationId: null, panel: null }],
  ['#/c/a%2Fb', { conversationId: 'a/b', panel: null }],
  ['#/c/x/details', { conversationId: 'x', panel: 'details' }],
  ['#/settings', { conversationId: null, panel: 'settings' }],
  ['#/c/%E0%A4%A', { conversationId: '%E0%A4%A', panel: null }],
  ['#/nonsense', { conversationId: null, panel: null }],
])('%j is parsed and formatted', (hash, expected) => {
  expect(parseRoute(hash)).toEqual(expected)
  expect(parseRoute(hashForRoute(expected))).toEqual(expected)
})

describe('navigation', () => {
  beforeEach(() => {
    history.replaceState(null, '', '#/')
    route.value = parseRoute('#/')
  })
  test('a panel opens over the conversation', () => {
    openConversation('x')
    openPanel('details')
    expect(location.hash).toBe('#/c/x/details')
  })
  test('closing a panel opened by a link shows the conversation', () => {
    history.replaceState(null, '', '#/c/x/details')
    route.value = parseRoute(location.hash)
    closePanel()
    expect(location.hash).toBe('#/c/x')
    expect(route.value.panel).toBeNull()
  })
  test('opening another conversation replaces the history entry, so that back leads to the list', () => {
    const before = history.length
    openConversation('x')
    openConversation('y')
    expect(location.hash).toBe('#/c/y')
    expect(history.length - before).toBe(1)
  })
})

test('an invite link keeps its token', () => {
  const link = { conversationId: null, panel: 'invite', token: 'a b/c' } as const
  expect(parseRoute(hashForRoute(link))).toEqual(link)
})
