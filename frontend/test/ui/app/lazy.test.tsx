import { cleanup, fireEvent, render, screen } from '@testing-library/preact'
import { afterEach, expect, test, vi } from 'vitest'
import { lazy, preloadViews } from '../../../src/ui/app/lazy'
import { LoadingPart } from '../../../src/ui/app/Loading'

const View = () => <p>the view</p>

afterEach(() => {
  cleanup()
  vi.useRealTimers()
})

test('a view that cannot be loaded says so, and a retry shows it', async () => {
  let online = false
  const Lazy = lazy(() => (online ? Promise.resolve(View) : Promise.reject(new TypeError('failed'))), LoadingPart)
  render(<Lazy />)
  await screen.findByRole('alert')
  online = true
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
  await screen.findByText('the view')
  expect(screen.queryByRole('alert')).toBeNull()
})

test('a view that takes long says so, and appears when it is loaded', async () => {
  vi.useFakeTimers()
  let resolve: (view: typeof View) => void = () => undefined
  const Lazy = lazy(() => new Promise<typeof View>((done) => (resolve = done)), LoadingPart)
  render(<Lazy />)
  await vi.advanceTimersByTimeAsync(4_900)
  expect(screen.queryByRole('alert')).toBeNull()
  await vi.advanceTimersByTimeAsync(200)
  expect(screen.queryByRole('alert')).not.toBeNull()
  resolve(View)
  await vi.advanceTimersByTimeAsync(100)
  expect(screen.queryByText('the view')).not.toBeNull()
})

test('a view whose preload failed offline loads once the browser is online', async () => {
  const load = vi.fn(() => Promise.reject(new TypeError('failed')) as Promise<typeof View>)
  lazy(load, LoadingPart)
  await preloadViews()
  expect(load).toHaveBeenCalledTimes(1)
  load.mockImplementation(() => Promise.resolve(View))
  dispatchEvent(new Event('online'))
  await vi.waitFor(() => expect(load).toHaveBeenCalledTimes(2))
})
