/** Desktop notifications: permission is requested when the user turns them on; they show only while the page has no focus. */
import { notifications } from './preferences'

/** The notifications that are on screen. */
const shown = new Set<Notification>()

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
    const notification = new Notification(title, { body, tag })
    shown.add(notification)
    notification.onclose = () => shown.delete(notification)
    notification.onclick = () => {
      window.focus()
      onClick()
      notification.close()
    }
  } catch {
    // Chromium on Android throws: it supports notifications only from a service worker.
  }
}

/** Close all notifications, for example because the user signed out. */
export function closeNotifications(): void {
  for (const notification of shown) notification.close()
  shown.clear()
}
