/** What a person set on this device for this device alone: appearance and desktop notifications. */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const THEME = 'imchat.theme'
const NOTIFY = 'imchat.notify'

// Storage may be refused (private windows, blocked cookies): then a choice lasts as long as the page.
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
/** The person asked for desktop notifications; the browser's permission is another matter. */
export const notifications = signal(read(NOTIFY) === 'on')

/** Bring the choices onto the page, and keep them. Returns the function that stops it. */
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
