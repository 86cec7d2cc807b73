/** Drafts by conversation, in localStorage: written synchronously on each keystroke, so a crash loses nothing. */
import { readLocal, removeLocal, removeLocalKeys, writeLocal } from './kept'

const PREFIX = 'imchat:draft:'

export class Drafts {
  private ended = false

  constructor(private readonly me: string) {}

  get(conversationId: string): string {
    return readLocal(this.key(conversationId)) ?? ''
  }

  set(conversationId: string, text: string): void {
    // A view that still finishes a request after the sign-out must not store a draft again.
    if (this.ended) return
    const key = this.key(conversationId)
    if (text === '') removeLocal(key)
    else writeLocal(key, text)
  }

  /** Store nothing from now on. */
  stop(): void {
    this.ended = true
  }

  private key(conversationId: string): string {
    return `${PREFIX}${this.me}:${conversationId}`
  }
}

/** Delete the drafts of all users except `keep`. */
export function deleteDrafts(keep: string | null): void {
  removeLocalKeys((key) => key.startsWith(PREFIX) && (keep === null || !key.startsWith(`${PREFIX}${keep}:`)))
}
