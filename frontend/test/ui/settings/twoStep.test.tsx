import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact'
import jsQR from 'jsqr'
import { afterEach, expect, test } from 'vitest'
import { fakeModel } from '../../../dev/fakeModel'
import { setupUri } from '../../../src/auth/twoStep'
import { ModelContext } from '../../../src/ui/app/context'
import { QrCode } from '../../../src/ui/settings/QrCode'
import { TwoStep } from '../../../src/ui/settings/TwoStep'

afterEach(cleanup)

/** Draw the SVG's path as pixels, four for each module, and decode them as a camera would. */
function decode(svg: Element): string | undefined {
  const size = Number(svg.getAttribute('viewBox')?.split(' ')[2])
  const width = size * 4
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255)
  for (const [, x, y] of svg.querySelector('path')?.getAttribute('d')?.matchAll(/M(\d+) (\d+)h1v1h-1z/g) ?? [])
    for (let dy = 0; dy < 4; dy++)
      for (let dx = 0; dx < 4; dx++) pixels.fill(0, ((Number(y) * 4 + dy) * width + Number(x) * 4 + dx) * 4, ((Number(y) * 4 + dy) * width + Number(x) * 4 + dx) * 4 + 3)
  return jsQR(pixels, width, width)?.data
}

test.each([
  setupUri('chat.example.org', 'ana@example.com', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'),
  setupUri('[::1]', 'a+b&c=d/é@a-rather-long-domain.example.org', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA'),
])('a scanned QR code is the URI %s', (uri) => {
  render(<QrCode text={uri} label="code" />)
  expect(decode(screen.getByRole('img', { name: 'code' }))).toBe(uri)
})

test('the URI names the site and the account', () => {
  const uri = new URL(setupUri('[::1]', 'a+b:c@example.com', 'GEZDGNBV'))
  expect(uri.protocol).toBe('otpauth:')
  expect(uri.href).toContain('totp/imchat%20--1:a%2Bb%3Ac%40example.com?')
  expect(Object.fromEntries(uri.searchParams)).toEqual({ secret: 'GEZDGNBV', issuer: 'imchat --1' })
})

const open = (query: Parameters<typeof fakeModel>[0] = {}) =>
  render(<ModelContext.Provider value={fakeModel(query)}><TwoStep onClose={() => undefined} /></ModelContext.Provider>)
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }))
const enter = (code: string) => fireEvent.input(screen.getByRole('textbox', { name: 'Code' }), { target: { value: code } })

test('an app is set up with its QR code, or its key, and a code', async () => {
  open()
  await screen.findByText('Two-step sign-in is off.')
  press('Set up')
  const image = await screen.findByRole('img', { name: 'QR code for your authenticator app' })
  expect(decode(image)).toMatch(/^otpauth:\/\/totp\/imchat%20chat\.example\.org:nora%40example\.com\?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&/)
  screen.getByText('GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ')
  const field = screen.getByRole<HTMLInputElement>('textbox', { name: 'Code' })
  expect([field.autocomplete, field.inputMode]).toEqual(['one-time-code', 'numeric'])

  press('Turn on')
  await screen.findByText('Enter the 6 digits that your authenticator app shows.')
  enter('000000')
  press('Turn on')
  await screen.findByText('This code is wrong. Enter the code that your authenticator app shows now.')
  await waitFor(() => expect(document.activeElement).toBe(field))
  enter('123456')
  press('Turn on')
  await screen.findByText('Two-step sign-in is on.', { selector: '.two-step-state' })
})

test('it is turned off after a question', async () => {
  open({ twoStep: 'on' })
  await screen.findByText('Two-step sign-in is on.')
  press('Turn off')
  screen.getByRole('group', { name: 'Turn off two-step sign-in? Your password alone will be enough to sign in.' })
  press('Turn off')
  await screen.findByText('Two-step sign-in is off.', { selector: '.two-step-state' })
})
