/** A QR code, as one path. It is dark on light in both themes: not every app reads the inverse. */
import { generate } from 'lean-qr'

/** The margin of light modules that the standard requires. */
const MARGIN = 4

export function QrCode({ text, label }: { text: string; label: string }) {
  const code = generate(text)
  const cells = Array.from({ length: code.size }, (_, index) => index)
  const path = cells.map((y) => cells.map((x) => (code.get(x, y) ? `M${x + MARGIN} ${y + MARGIN}h1v1h-1z` : '')).join('')).join('')
  const size = code.size + 2 * MARGIN
  return (
    <svg class="qr-code" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
