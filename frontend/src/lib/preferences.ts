/** Preferences of this device: appearance and desktop notifications. */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const THEME = 'imchat.theme'
const NOTIFY = 'imchat.notify'

// If storage is blocked (private windows, blocked cookies), a preference lasts as long as the page.
function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    /* as above */
  }
}

function storedTheme(): Theme {
  const stored = read(THEME)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

export const theme = signal<Theme>(storedTheme())
/** Whether the user turned on desktop notifications. The browser's permission is separate. */
export const notifications = signal(read(NOTIFY) === 'on')

/** Apply the preferences to the page and store changes. Returns the function that stops it. */
export function applyPreferences(): () => void {
  const stops = [
    effect(() => {
      write(THEME, theme.value)
      if (theme.value === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = theme.value
    }),
    effect(() => write(NOTIFY, notifications.value ? 'on' : 'off')),
  ]
  return () => stops.forEach((stop) => stop())
}
