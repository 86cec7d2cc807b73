import { expect, test } from 'vitest'
import { suggest } from '../../../src/ui/composer/mentionCompletion'

const user = (handle: string | null, display_name: string) => ({ user_id: display_name, handle, display_name })

test('matching handles come before matching names, and users without a handle are left out', () => {
  const users = [user('zed', 'Ann Zed'), user('anna', 'Bo'), user(null, 'Anton'), user('kim', 'Kim Andersen')]
  expect(suggest(users, 'an').map((each) => each.handle)).toEqual(['anna', 'zed', 'kim'])
})
