/** Empty states, with their drawings. */
import type { ComponentChildren } from 'preact'

export function EmptyState({ art, title, children }: { art: ComponentChildren; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {art}
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** Two speech bubbles. */
export function BubblesArt() {
  return (
    <svg class="art" viewBox="0 0 200 132" aria-hidden="true">
      <circle class="art-background" cx="100" cy="66" r="64" />
      <path class="art-other" d="M38 20h72a16 16 0 0 1 16 16v18a16 16 0 0 1-16 16H48l-16 14V26a6 6 0 0 1 6-6z" />
      <path class="art-line" d="M50 38h52M50 52h34" />
      <path class="art-own" d="M162 62H96a16 16 0 0 0-16 16v14a16 16 0 0 0 16 16h56l16 14V68a6 6 0 0 0-6-6z" />
      <path class="art-dots" d="M108 85h.01M124 85h.01M140 85h.01" />
    </svg>
  )
}

export function SearchArt() {
  return (
    <svg class="art" viewBox="0 0 200 132" aria-hidden="true">
      <circle class="art-background" cx="100" cy="66" r="64" />
      <circle class="art-other" cx="92" cy="60" r="34" />
      <path class="art-line" d="M78 56h28M78 68h18" />
      <circle class="art-ring" cx="92" cy="60" r="34" />
      <path class="art-ring" d="M118 86l22 22" />
    </svg>
  )
}
