/** Desktop notifications: permission is requested when the user turns them on; they show only while the page has no focus. */
import { notifications } from './preferences'

export type Permission = 'unsupported' | 'default' | 'granted' | 'denied'

export function permission(): Permission {
  return 'Notification' in globalThis ? Notification.permission : 'unsupported'
}

/** Request permission. Call it from a click: browsers reject other requests. */
export async function enable(): Promise<Permission> {
  if (permission() === 'default') await Notification.requestPermission()
  notifications.value = permission() === 'granted'
  return permission()
}

/** Show a notification; a newer one with the same `tag` replaces it. Does nothing while the page has the focus. */
export function notify(title: string, body: string, tag: string, onClick: () => void): void {
  if (!notifications.value || permission() !== 'granted' || document.hasFocus()) return
  try {
    const shown = new Notification(title, { body, tag })
    shown.onclick = () => {
      window.focus()
      onClick()
      shown.close()
    }
  } catch {
    // Chromium on Android throws: it supports notifications only from a service worker.
  }
}
