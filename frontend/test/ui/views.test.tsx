import '../support/layout'
import { signal } from '@preact/signals'
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact'
import { afterEach, expect, test, vi } from 'vitest'
import { fakeModel } from '../../dev/fakeModel'
import { LIMITS } from '../../src/core/net/protocol'
import { App } from '../../src/ui/app/App'
import { ModelContext } from '../../src/ui/app/context'
// Lazy views: imported here so that no test waits for them.
import '../../src/ui/app/Shell'
import '../../src/ui/auth/Auth'
import { Composer } from '../../src/ui/composer/Composer'
import { MessageBubble } from '../../src/ui/timeline/MessageBubble'

afterEach(cleanup)

function composer() {
  const model = fakeModel({})
  const conversation = { ...model.open('c-ana'), draft: signal(''), send: vi.fn(async () => null), typing: vi.fn() }
  const writable = { ...conversation, setDraft: (text: string) => (conversation.draft.value = text) }
  render(<ModelContext.Provider value={model}><Composer conversation={writable} /></ModelContext.Provider>)
  const field = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message to Ana Silva' })
  return { ...writable, field, type: (text: string) => fireEvent.input(field, { target: { value: text } }) }
}

test('Enter sends the exact text and clears the field', async () => {
  const { field, type, send } = composer()
  type('  hello\n ')
  fireEvent.keyDown(field, { key: 'Enter' })
  expect(send).toHaveBeenCalledExactlyOnceWith('  hello\n ')
  await waitFor(() => expect(field.value).toBe(''))
})

test.each([
  ['Shift+Enter', { shiftKey: true }],
  ['Enter during input method composition', { isComposing: true }],
  ['Enter during composition in Safari', { keyCode: 229 }],
])('%s does not send', (_, keys) => {
  const { field, type, send } = composer()
  type('こん')
  fireEvent.keyDown(field, { key: 'Enter', ...keys })
  expect(send).not.toHaveBeenCalled()
  expect(field.value).toBe('こん')
})

test('a text of only spaces is not sent', () => {
  const { field, type, send } = composer()
  type(' \n ')
  fireEvent.keyDown(field, { key: 'Enter' })
  expect(send).not.toHaveBeenCalled()
})

test('a text that could not be sent comes back', async () => {
  const { field, type, send } = composer()
  send.mockResolvedValueOnce({ code: 'full', message: 'There is no room left on this device.' } as never)
  type('important')
  fireEvent.keyDown(field, { key: 'Enter' })
  await screen.findByText('There is no room left on this device.')
  expect(field.value).toBe('important')
})

test('a text over the limit stays, is counted and is not sent', () => {
  const { field, type, send } = composer()
  type('🎉'.repeat(LIMITS.body_chars + 2))
  expect(screen.getByText('2 characters too long')).toBeTruthy()
  fireEvent.keyDown(field, { key: 'Enter' })
  expect(send).not.toHaveBeenCalled()
})

test('a failed message shows the reason and can be retried or discarded', () => {
  const conversation = { ...fakeModel({ unsent: '1' }).open('c-ana'), retry: vi.fn(), discard: vi.fn() }
  const item = conversation.timeline.value.find((other) => other.kind === 'message' && other.state === 'failed')
  if (item?.kind !== 'message') throw new Error('the fake model has no failed message')
  render(<MessageBubble row={{ kind: 'message', key: item.key, item, first: true, last: true }} conversation={conversation} />)
  expect(screen.getByText(/The server is busy/)).toBeTruthy()
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(conversation.retry).toHaveBeenCalledExactlyOnceWith(item.key)
  fireEvent.click(screen.getByRole('button', { name: 'Discard' }))
  expect(conversation.discard).toHaveBeenCalledExactlyOnceWith(item.key)
})

test('a message shows as text, never as markup', () => {
  const conversation = fakeModel({}).open('c-ana')
  const item = conversation.timeline.value[0]
  if (item?.kind !== 'message' || item.state !== 'sent') throw new Error('the fake model does not start with a message')
  const body = '<img src=x onerror=alert(1)> **b** https://example.com/'
  render(
    <MessageBubble row={{ kind: 'message', key: 'k', item: { ...item, body }, first: true, last: true }} conversation={conversation} />,
  )
  expect(screen.getByRole('article').querySelector('.body')?.textContent).toBe(body)
  expect(document.querySelector('img')).toBeNull()
  const link = screen.getByRole('link', { name: 'https://example.com/' })
  expect(link.getAttribute('rel')).toBe('noopener noreferrer')
})

test('a wrong password shows an error, and the address stays', async () => {
  render(<App model={fakeModel({ session: 'signed-out' })} />)
  fireEvent.input(await screen.findByLabelText('E-mail'), { target: { value: 'ana@example.com' } })
  fireEvent.input(screen.getByLabelText('Password'), { target: { value: 'guess' } })
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
  await screen.findByText(/password is wrong/)
  expect(screen.getByLabelText<HTMLInputElement>('E-mail').value).toBe('ana@example.com')
})

test.each([
  ['open', 'New here?', true],
  ['invitation', 'Accounts here are created by an administrator.', false],
  ['domain', 'Sign-up is open to e-mail addresses at example.org and example.com.', true],
])('with the sign-up policy %s, the sign-in form says who may create an account', async (signUp, text, offered) => {
  render(<App model={fakeModel({ session: 'signed-out', signUp })} />)
  expect(await screen.findByText(text, { exact: false })).toBeTruthy()
  expect(screen.queryByRole('button', { name: 'Create an account' }) !== null).toBe(offered)
})

test('with the sign-up policy domain, the sign-up form names the domains', async () => {
  render(<App model={fakeModel({ session: 'signed-out', signUp: 'domain' })} />)
  fireEvent.click(await screen.findByRole('button', { name: 'Create an account' }))
  expect(screen.getByText('Sign-up is open to e-mail addresses at example.org and example.com.')).toBeTruthy()
})

test('going back from the code form shows the sign-in form with the address', async () => {
  render(<App model={fakeModel({ session: 'signed-out' })} />)
  fireEvent.click(await screen.findByRole('button', { name: 'Forgot your password?' }))
  fireEvent.input(await screen.findByLabelText('E-mail'), { target: { value: 'nora@example.com' } })
  fireEvent.click(screen.getByRole('button', { name: 'Send code' }))
  await screen.findByRole('heading', { name: 'Set a new password' })
  fireEvent.click(screen.getByRole('button', { name: 'Back to sign in' }))
  await screen.findByRole('heading', { name: 'Welcome back' })
  expect(screen.getByLabelText<HTMLInputElement>('E-mail').value).toBe('nora@example.com')
})

test('an invalid field shows its error without a request', async () => {
  const model = fakeModel({ session: 'signed-out' })
  const signIn = vi.spyOn(model.auth, 'signIn')
  render(<App model={model} />)
  fireEvent.input(await screen.findByLabelText('E-mail'), { target: { value: 'ana' } })
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }))
  const field = screen.getByLabelText('E-mail')
  expect(field.getAttribute('aria-invalid')).toBe('true')
  expect(document.getElementById(field.getAttribute('aria-describedby') ?? '')?.textContent).toMatch(/e-mail address/)
  expect(signIn).not.toHaveBeenCalled()
})

test('the list shows unread counts, and searching filters it', async () => {
  render(<App model={fakeModel({})} />)
  expect(await screen.findByRole('link', { name: /Release crew.*3 unread messages/s })).toBeTruthy()
  expect(document.title).toMatch(/^\(1,288\) imchat$/)
  fireEvent.input(screen.getByLabelText('Search conversations'), { target: { value: 'BEN' } })
  await waitFor(() => expect(screen.getAllByRole('link', { name: /Okafor|Silva|crew/ })).toHaveLength(1))
})
