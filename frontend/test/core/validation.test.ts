import { describe, expect, test } from 'vitest'
import { checkGroupTitle, checkMessage, checkProfile } from '../../src/core/validation'

describe('a text without a visible character is refused, as on the server', () => {
  test.each(['\u200B', '\u3164', '\uFFA0', '\u115F', '\u2800', '\u00AD', '\u034F', '\u180E', '\uFE0F', '\u{E0041}', '\uFFF9', '\uFEFF \u3000'])(
    '%j',
    (text) => {
      expect(checkMessage(text)?.field).toBe('body')
      expect(checkGroupTitle(text)?.field).toBe('title')
      expect(checkProfile({ display_name: text })?.field).toBe('display_name')
    },
  )
  test.each(['a', '\u3164a', '\u0301', '👩\u200D👧', '\u2800.'])('%j is accepted', (text) => {
    expect(checkMessage(text)).toBeNull()
    expect(checkGroupTitle(text)).toBeNull()
    expect(checkProfile({ display_name: text })).toBeNull()
  })
})
