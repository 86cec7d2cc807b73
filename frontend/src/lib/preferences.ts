/** Preferences of this device: appearance and desktop notifications. */
import { effect, signal } from '@preact/signals'
import { readLocal, writeLocal } from '../core/storage/kept'

export type Theme = 'system' | 'light' | 'dark'

const THEME = 'imchat.theme'
const NOTIFY = 'imchat.notify'

function storedTheme(): Theme {
  const stored = readLocal(THEME)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

export const theme = signal<Theme>(storedTheme())
/** Whether the user turned on desktop notifications. The browser's permission is separate. */
export const notifications = signal(readLocal(NOTIFY) === 'on')

/** Apply the preferences to the page and store changes. Returns the function that stops it. */
export function applyPreferences(): () => void {
  const stops = [
    effect(() => {
      writeLocal(THEME, theme.value)
      if (theme.value === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = theme.value
    }),
    effect(() => writeLocal(NOTIFY, notifications.value ? 'on' : 'off')),
  ]
  return () => stops.forEach((stop) => stop())
}
