/** Desktop notifications: asked for only when a person turns them on, shown only when the page is not looked at. */
import { notifications } from './preferences'

export type Permission = 'unsupported' | 'default' | 'granted' | 'denied'

export function permission(): Permission {
  return 'Notification' in globalThis ? Notification.permission : 'unsupported'
}

/** Ask the browser. Call from a click, or browsers refuse unasked. */
export async function enable(): Promise<Permission> {
  if (permission() === 'default') await Notification.requestPermission()
  notifications.value = permission() === 'granted'
  return permission()
}

/** Show one notification; a newer one with the same `tag` replaces it. Does nothing while the page is in front. */
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
    // Chromium on Android has the constructor and throws: it wants a service worker.
  }
}
