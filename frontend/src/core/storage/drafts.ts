/** Drafts by conversation, in localStorage: written synchronously on each keystroke, so a crash loses nothing. */
const PREFIX = 'imchat:draft:'

export class Drafts {
  constructor(private readonly me: string) {}

  get(conversationId: string): string {
    try {
      return localStorage.getItem(this.key(conversationId)) ?? ''
    } catch {
      return ''
    }
  }

  set(conversationId: string, text: string): void {
    try {
      if (text === '') localStorage.removeItem(this.key(conversationId))
      else localStorage.setItem(this.key(conversationId), text)
    } catch {
      // Storage is full or blocked: the draft lasts as long as the page.
    }
  }

  /** Delete all drafts of this user. */
  clear(): void {
    const prefix = this.key('')
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key)
  }

  private key(conversationId: string): string {
    return `${PREFIX}${this.me}:${conversationId}`
  }
}
