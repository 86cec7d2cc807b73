/** Skeletons, shown while content loads. */

export function RowSkeletons({ count, label }: { count: number; label: string }) {
  return (
    <div class="skeletons" role="status">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: count }, (_, i) => (
        <div class="skeleton-row" aria-hidden="true" key={i}>
          <span class="skeleton skeleton-avatar" />
          <span class="skeleton-lines">
            <span class="skeleton skeleton-name" />
            <span class="skeleton skeleton-preview" />
          </span>
        </div>
      ))}
    </div>
  )
}

export function BubbleSkeletons({ label, count = 9 }: { label: string; count?: number }) {
  return (
    <div class="bubble-skeletons" role="status">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: count }, (_, i) => <span class="skeleton skeleton-bubble" aria-hidden="true" key={i} />)}
    </div>
  )
}
