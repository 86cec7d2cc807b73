/** Browser APIs that need a secure context or stored data, with fallbacks where they are missing or refused. */

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
  let started = false
  const run = (): Promise<T> => {
    started = true
    return task()
  }
  try {
    return (await locks.request(name, signal ? { signal } : {}, run)) as T
  } catch (error) {
    // A browser that blocks storage refuses locks too.
    if (started || signal?.aborted) throw error
    return task()
  }
}

/** Open a BroadcastChannel to the other tabs of this site. */
export function openBroadcastChannel<T>(name: string, onMessage: (message: T) => void): { post(message: T): void; close(): void } {
  let channel: BroadcastChannel | null = null
  try {
    channel = new BroadcastChannel(name)
    channel.onmessage = (event: MessageEvent<T>) => onMessage(event.data)
  } catch {
    // Missing or refused: each tab works by itself.
  }
  return {
    post: (message) => channel?.postMessage(message),
    close: () => {
      channel?.close()
      channel = null
    },
  }
}
