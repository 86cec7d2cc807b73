/** Where one writes. Enter sends, Shift+Enter breaks the line, and a text is never lost. */
import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/protocol'
import { t } from '../../i18n'
import { isComposing } from '../../lib/keyboard'
import { byteCount, charCount } from '../../lib/text'
import { IconButton } from '../primitives/Button'

/** The counter appears when this many characters are left. */
const NEAR = 500

export function Composer({ conversation }: { conversation: ConversationModel }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const refusal = useSignal<string | null>(null)
  const text = conversation.draft.value
  const left = LIMITS.body_chars - charCount(text)
  const tooLarge = left >= 0 && byteCount(text) > LIMITS.body_bytes
  const sendable = text.trim() !== '' && left >= 0 && !tooLarge
  const { name } = conversation.summary.value

  useEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (!matchMedia('(pointer: coarse)').matches) field.current?.focus()
  }, [])
  useLayoutEffect(() => fit(field.current), [text])

  const send = async () => {
    if (!sendable) return
    // Emptied at once, so that what is typed next is not mixed up with what was sent.
    conversation.setDraft('')
    field.current?.focus()
    const problem = await conversation.send(text)
    refusal.value = problem?.message ?? null
    if (problem && conversation.draft.value === '') conversation.setDraft(text)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.altKey || isComposing(event)) return
    event.preventDefault()
    void send()
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {refusal.value && <p class="composer-note composer-over" role="alert">{refusal.value}</p>}
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          {...(text && { dir: 'auto' as const })}
          name="message"
          value={text}
          enterkeyhint="send"
          aria-label={t('composer.label', { name })}
          placeholder={t('composer.placeholder')}
          onKeyDown={onKeyDown}
          onInput={(event) => {
            refusal.value = null
            conversation.setDraft(event.currentTarget.value)
            conversation.typing()
          }}
        />
        <IconButton class="composer-send" type="submit" icon="send" label={t('composer.send')} disabled={!sendable} />
      </div>
      {(left <= NEAR || tooLarge) && (
        <p class={left < 0 || tooLarge ? 'composer-note composer-over' : 'composer-note'} role="status">
          {tooLarge ? t('composer.overBytes') : left < 0 ? t('composer.over', { count: -left }) : t('composer.remaining', { count: left })}
        </p>
      )}
    </form>
  )
}

/** As high as the text; the style sheet bounds it. */
function fit(field: HTMLTextAreaElement | null): void {
  if (!field) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
