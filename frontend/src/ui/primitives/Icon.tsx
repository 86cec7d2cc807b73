/** Icons: 24 px, one stroke width, in the colour of the text. */

const PATHS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  compose: 'M12 20h8M4 20l1-4L16 5a2.1 2.1 0 0 1 3 3L8 19l-4 1z',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16 16l4.5 4.5',
  settings:
    'M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM19.4 13.5a7.6 7.6 0 0 0 0-3l2-1.5-2-3.4-2.3.9a7.6 7.6 0 0 0-2.6-1.5L14.1 2.6h-4.2l-.4 2.4a7.6 7.6 0 0 0-2.6 1.5l-2.3-.9-2 3.4 2 1.5a7.6 7.6 0 0 0 0 3l-2 1.5 2 3.4 2.3-.9a7.6 7.6 0 0 0 2.6 1.5l.4 2.4h4.2l.4-2.4a7.6 7.6 0 0 0 2.6-1.5l2.3.9 2-3.4z',
  send: 'M12 19V5M5.5 11.5L12 5l6.5 6.5',
  down: 'M6 9l6 6 6-6',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  checks: 'M2 12.5l4.5 4.5L16 7.5M11.5 16.5l.5.5L21.5 7.5',
  clock: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 8v4.5l3 1.5',
  warning: 'M12 4l9 16H3zM12 10v4.5M12 17.2v.1',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z',
  eyeOff: 'M4 4l16 16M9.6 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.7 3.4M6.4 7.6A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 4.4-1.2M10 10a2.8 2.8 0 0 0 4 4',
  person: 'M12 4.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20.5a7.5 7.5 0 0 1 15 0',
  people:
    'M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM2.5 20a6.5 6.5 0 0 1 13 0M16 5.3a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8',
  offline: 'M4 4l16 16M8.5 8.6A6 6 0 0 0 6.5 19H17M19.6 17.4A4.5 4.5 0 0 0 17 10a6 6 0 0 0-5-3.9',
  reply: 'M9 7L4 12l5 5M4.5 12H14a6 6 0 0 1 6 6v.5',
  copy: 'M9 8.5h8.5a2 2 0 0 1 2 2V19a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2v-8.5a2 2 0 0 1 2-2zM4.5 15.5V5a2 2 0 0 1 2-2H15',
  pin: 'M9.5 4h5l-.7 6 3.2 3v1.5H7V13l3.2-3zM12 14.5V20.5',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.400L17.5 7M10.2 11v5M13.800 11v5',
  smile: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM9 10v.1M15 10v.1M8.5 14a4.2 4.2 0 0 0 7 0',
  list: 'M8.5 6.5H20M8.5 12H20M8.5 17.5H20M4.5 6.5v.1M4.5 12v.1M4.5 17.5v.1',
  muted: 'M5 16.5V11a7 7 0 0 1 10-6.3M18.5 9c.3.6.5 1.3.5 2v5.5H7.5M10 20h4M4 4l16 16',
  archive: 'M4 5h16v4H4zM5.5 9v9.5a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1V9M10 13h4',
  unread: 'M4 6h9M20 11v7H4V6l8 6.5 3-2.4M18.5 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
} as const

export type IconName = keyof typeof PATHS

/** Decorative: the text or label of the surrounding element describes it. `flip` mirrors it in right-to-left text. */
export function Icon({ name, flip = false }: { name: IconName; flip?: boolean }) {
  return (
    <svg class={flip ? 'icon icon-flip' : 'icon'} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 48 48" aria-hidden="true">
      <rect class="logo-tile" width="48" height="48" rx="13" />
      <path
        class="logo-bubble"
        d="M24 11.5c-8.4 0-14.6 5.2-14.6 12 0 3.9 2 7.2 5.2 9.4-.2 2.1-1.1 3.9-2.5 5.3 3.1-.2 5.9-1.2 8.1-3.1 1.2.3 2.5.5 3.8.5 8.4 0 14.6-5.3 14.6-12.1S32.4 11.5 24 11.5z"
      />
      <path class="logo-dots" d="M17.6 23.5h.01M24 23.5h.01M30.4 23.5h.01" />
    </svg>
  )
}
