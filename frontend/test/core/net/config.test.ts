import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/core/net/config'

const SITE = {
  version: 1,
  api_url: '/api',
  ws_url: '/ws',
  auth: { endpoint: '/cognito', region: 'local', user_pool_id: 'local_pool', client_id: 'client' },
}

test('relative addresses are resolved against the site', () => {
  expect(parseConfig(JSON.stringify(SITE), 'https://chat.example.org')).toMatchObject({
    apiUrl: 'https://chat.example.org/api',
    wsUrl: 'wss://chat.example.org/ws',
    auth: { endpoint: 'https://chat.example.org/cognito' },
  })
})

test('the sign-up policy is read, and a configuration without one means that anyone may try', () => {
  const signUp = { policy: 'domain', domains: ['example.org'] }
  expect(parseConfig(JSON.stringify({ ...SITE, sign_up: signUp }))?.signUp).toEqual(signUp)
  expect(parseConfig(JSON.stringify(SITE))?.signUp).toEqual({ policy: 'open', domains: [] })
})
