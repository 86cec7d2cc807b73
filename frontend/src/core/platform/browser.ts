/** Browser APIs that need a secure context, with fallbacks for plain HTTP on a local network. */

export function randomId(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Run `task` while this tab holds the Web Lock `name`; at once if locks are not available. `signal` aborts the wait. */
export async function withLock<T>(name: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  // The type says it is always there; in insecure contexts it is not.
  const locks = navigator.locks as LockManager | undefined
  if (!locks) return task()
  return locks.request(name, signal ? { signal } : {}, task) as Promise<T>
}

/** Open a BroadcastChannel to the other tabs of this site. */
export function openBroadcastChannel<T>(name: string, onMessage: (message: T) => void): { post(message: T): void; close(): void } {
  if (typeof BroadcastChannel === 'undefined') return { post: () => undefined, close: () => undefined }
  let channel: BroadcastChannel | null = new BroadcastChannel(name)
  channel.onmessage = (event: MessageEvent<T>) => onMessage(event.data)
  return {
    post: (message) => channel?.postMessage(message),
    close: () => {
      channel?.close()
      channel = null
    },
  }
}
