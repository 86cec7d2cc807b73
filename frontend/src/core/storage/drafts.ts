/** What was typed and not sent, by conversation. In localStorage: written within the keystroke, so no crash loses it. */
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
      // Full or forbidden: the draft lives as long as the page.
    }
  }

  /** All drafts of this person are let go. */
  clear(): void {
    const mine = this.key('')
    for (const key of Object.keys(localStorage)) if (key.startsWith(mine)) localStorage.removeItem(key)
  }

  private key(conversationId: string): string {
    return `${PREFIX}${this.me}:${conversationId}`
  }
}
