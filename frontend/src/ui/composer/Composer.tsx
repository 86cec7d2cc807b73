/** Where one writes. Enter sends, Shift+Enter breaks the line, and a text is never lost. */
import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { edit } from '../../core/actions'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { isComposing } from '../../lib/keyboard'
import { byteCount, charCount } from '../../lib/text'
import { displayName } from '../app/context'
import { lazy } from '../app/lazy'
import { type AnchorRect, type Mode, viewStateOf } from '../conversations/viewState'
import { IconButton } from '../primitives/Button'
import { Icon } from '../primitives/Icon'
import { useMentionCompletion } from './mentionCompletion'

const EmojiMenu = lazy(() => import('./EmojiMenu').then((m) => m.EmojiMenu))
const MentionList = lazy(() => import('./MentionList').then((m) => m.MentionList))

/** The counter appears when this many characters are left. */
const NEAR = 500
const LIST = 'mentions'

export function Composer({ conversation }: { conversation: ConversationModel }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const refusal = useSignal<string | null>(null)
  /** The text of the message that is being edited; the draft waits meanwhile. */
  const edited = useSignal('')
  const { mode } = viewStateOf(conversation)
  const editing = mode.value?.kind === 'edit'
  const text = editing ? edited.value : conversation.draft.value
  const setText = (next: string) => (editing ? (edited.value = next) : conversation.setDraft(next))
  const left = LIMITS.body_chars - charCount(text)
  const tooLarge = left >= 0 && byteCount(text) > LIMITS.body_bytes
  const sendable = text.trim() !== '' && left >= 0 && !tooLarge
  const { name } = conversation.summary.value
  const emoji = useSignal<AnchorRect | null>(null)
  const completion = useMentionCompletion(conversation, field, setText)

  useEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (!matchMedia('(pointer: coarse)').matches) field.current?.focus()
  }, [])
  // In the same commit as the label: after the paint it would replace what was typed since.
  useLayoutEffect(() => {
    if (!mode.value) return
    if (mode.value.kind === 'edit') edited.value = mode.value.item.body
    field.current?.focus()
  }, [mode.value])
  useLayoutEffect(() => fit(field.current), [text])

  const send = async () => {
    if (!sendable) return
    completion.close()
    const now = mode.value
    field.current?.focus()
    if (now?.kind === 'edit') {
      const problem = text === now.item.body ? null : await conversation.act(edit(now.item.seq, text))
      refusal.value = problem?.message ?? null
      if (!problem && mode.value === now) mode.value = null
      return
    }
    // Emptied at once, so that what is typed next is not mixed up with what was sent.
    conversation.setDraft('')
    mode.value = null
    const problem = await (now ? conversation.send(text, now.item.seq) : conversation.send(text))
    refusal.value = problem?.message ?? null
    if (problem && conversation.draft.value === '') conversation.setDraft(text)
  }

  const insert = (chosen: string) => {
    emoji.value = null
    const box = field.current
    if (!box) return
    const caret = box.selectionStart + chosen.length
    setText(text.slice(0, box.selectionStart) + chosen + text.slice(box.selectionEnd))
    // Once the menu is gone and the field holds the new text.
    requestAnimationFrame(() => {
      box.focus()
      box.setSelectionRange(caret, caret)
    })
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event) || completion.onKeyDown(event)) return
    if (event.key === 'Escape' && mode.value) {
      event.preventDefault()
      mode.value = null
    } else if (event.key === 'ArrowUp' && text === '' && !mode.value) {
      const last = conversation.timeline.value.findLast((item) => item.kind === 'message' && item.own)
      if (last?.kind !== 'message' || last.state !== 'sent' || last.message?.deleted_at_ms) return
      event.preventDefault()
      mode.value = { kind: 'edit', item: last }
    } else if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault()
      void send()
    }
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {refusal.value && <p class="composer-note composer-error" role="alert">{refusal.value}</p>}
      {completion.users.length > 0 && (
        <MentionList id={LIST} users={completion.users} active={completion.active} onPick={completion.pick} />
      )}
      {mode.value && <ModeBar mode={mode.value} onCancel={() => (mode.value = null)} />}
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          {...(text && { dir: 'auto' as const })}
          name="message"
          value={text}
          enterkeyhint="send"
          aria-label={t(editing ? 'composer.editLabel' : 'composer.label', { name })}
          {...(completion.users.length > 0 && {
            'aria-autocomplete': 'list' as const,
            'aria-controls': LIST,
            'aria-activedescendant': `${LIST}-${completion.active}`,
          })}
          placeholder={t('composer.placeholder')}
          onKeyDown={onKeyDown}
          onBlur={completion.close}
          onInput={(event) => {
            refusal.value = null
            setText(event.currentTarget.value)
            completion.look()
            if (!editing) conversation.typing()
          }}
        />
        <IconButton
          class="composer-emoji"
          icon="smile"
          label={t('composer.emoji')}
          onClick={() => (emoji.value = field.current?.form?.querySelector('.composer-emoji')?.getBoundingClientRect() ?? null)}
        />
        <IconButton
          class="composer-send"
          type="submit"
          icon={editing ? 'check' : 'send'}
          label={t(editing ? 'composer.saveEdit' : 'composer.send')}
          disabled={!sendable}
        />
      </div>
      {emoji.value && <EmojiMenu box={emoji.value} onPick={insert} onClose={() => (emoji.value = null)} />}
      {(left <= NEAR || tooLarge) && (
        <p class={left < 0 || tooLarge ? 'composer-note composer-error' : 'composer-note'} role="status">
          {tooLarge ? t('composer.overBytes') : left < 0 ? t('composer.over', { count: -left }) : t('composer.remaining', { count: left })}
        </p>
      )}
    </form>
  )
}

/** Says what is written instead of a plain message, and lets go of it. */
function ModeBar({ mode, onCancel }: { mode: Mode; onCancel: () => void }) {
  const { kind, item } = mode
  return (
    <div class="composer-mode">
      <Icon name={kind === 'edit' ? 'compose' : 'reply'} />
      <p class="composer-mode-text">
        <span class="composer-mode-title">{kind === 'edit' ? t('composer.editing') : t('composer.replying', { name: item.own ? t('user.you') : displayName(item.author) })}</span>
        <bdi class="composer-mode-body">{item.body}</bdi>
      </p>
      <IconButton icon="close" label={t('action.cancel')} onClick={onCancel} />
    </div>
  )
}

/** As high as the text; the style sheet bounds it. */
function fit(field: HTMLTextAreaElement | null): void {
  if (!field) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
