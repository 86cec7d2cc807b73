/** The emoji grid, by category. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../../i18n'
import { GROUPS } from './emojiGroups'

/** Must match the style sheet. */
const COLUMNS = 8

export function EmojiGrid({ onPick }: { onPick: (emoji: string) => void }) {
  const ref = useRef<HTMLDivElement>(null)
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(ref.current?.querySelectorAll<HTMLElement>('button') ?? [])]
    const rtl = document.documentElement.dir === 'rtl' ? -1 : 1
    const by = { ArrowDown: COLUMNS, ArrowUp: -COLUMNS, ArrowRight: rtl, ArrowLeft: -rtl }[event.key]
    const target = by && buttons[buttons.indexOf(document.activeElement as HTMLElement) + by]
    if (!target) return
    event.preventDefault()
    target.focus()
  }
  // Dialogs apply `autofocus` only when they open, and this may be the second page of one.
  useLayoutEffect(() => ref.current?.querySelector('button')?.focus(), [])
  let first = true
  const go = (index: number) => {
    const group = ref.current?.children[index] as HTMLElement
    if (ref.current) ref.current.scrollTop = group.offsetTop - ref.current.offsetTop
    group.querySelector('button')?.focus({ preventScroll: true })
  }
  return (
    <>
      <div class="emoji-grid" ref={ref} onKeyDown={onKeyDown} role="group" aria-label={t('emoji.label')} tabIndex={-1}>
        {GROUPS.map(({ key, emoji }) => (
          <section key={key} aria-label={t(`emoji.${key}`)}>
            <p class="emoji-title" aria-hidden="true">{t(`emoji.${key}`)}</p>
            <div class="emoji-row">
              {emoji.map((each) => {
                const button = (
                  <button type="button" class="emoji" key={each} tabIndex={first ? 0 : -1} onClick={() => onPick(each)}>{each}</button>
                )
                first = false
                return button
              })}
            </div>
          </section>
        ))}
      </div>
      <div class="emoji-groups" role="group" aria-label={t('emoji.groups')}>
        {GROUPS.map(({ key, emoji }, index) => (
          <button type="button" class="emoji" key={key} aria-label={t(`emoji.${key}`)} title={t(`emoji.${key}`)} onClick={() => go(index)}>{emoji[0]}</button>
        ))}
      </div>
    </>
  )
}
