/**
 * The message composer. Enter sends and Shift+Enter inserts a newline; on a touch screen, whose keyboard has no Shift+Enter,
 * Enter inserts a newline. Unsent text is kept as a draft.
 */
import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { editMessage } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel } from '../../core/model'
import { LIMITS } from '../../core/net/protocol'
import { t } from '../../i18n'
import { isComposing } from '../../lib/keyboard'
import { byteCount, charCount } from '../../lib/textLength'
import { hasMarkup, visibleText } from '../../lib/visibleText'
import { LoadingDialog, LoadingNothing } from '../app/Loading'
import { lazy } from '../app/lazy'
import { type ComposerMode, viewStateOf } from '../conversations/viewState'
import { IconButton } from '../primitives/Button'
import { Icon } from '../primitives/Icon'
import { loadFormatter } from '../primitives/formatter'
import type { AnchorRect } from '../primitives/Menu'
import { useMentionCompletion } from './mentionCompletion'

const EmojiMenu = lazy(() => import('./EmojiMenu').then((m) => m.EmojiMenu), LoadingDialog)
const MentionList = lazy(() => import('./MentionList').then((m) => m.MentionList), LoadingNothing)

/** The counter shows when at most this many characters are left. */
const SHOW_COUNTER_BELOW = 500
const LIST_ID = 'mentions'

const hasTouchKeyboard = (): boolean => matchMedia('(pointer: coarse) and (hover: none)').matches

export function Composer({ conversation }: { conversation: ConversationModel }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const error = useSignal<string | null>(null)
  /** The text of the message being edited; the draft stays as it is. */
  const edited = useSignal('')
  const { mode } = viewStateOf(conversation)
  const editing = mode.value?.kind === 'edit'
  const text = editing ? edited.value : conversation.draft.value
  const setText = (next: string) => (editing ? (edited.value = next) : conversation.setDraft(next))
  const left = LIMITS.body_chars - charCount(text)
  const tooManyBytes = left >= 0 && byteCount(text) > LIMITS.body_bytes
  const sendable = text.trim() !== '' && left >= 0 && !tooManyBytes
  const { name } = conversation.identity.value
  const emoji = useSignal<AnchorRect | null>(null)
  const completion = useMentionCompletion(conversation, field, setText)

  useEffect(() => {
    // On a phone the keyboard would cover the messages.
    if (!matchMedia('(pointer: coarse)').matches) field.current?.focus()
  }, [])
  // In the same commit as the label: after the paint it would replace newly typed text.
  useLayoutEffect(() => {
    if (!mode.value) return
    if (mode.value.kind === 'edit') edited.value = mode.value.item.body
    field.current?.focus()
  }, [mode.value])
  useLayoutEffect(() => fitHeight(field.current), [text])

  const send = async () => {
    if (!sendable) return
    completion.close()
    const now = mode.value
    field.current?.focus()
    if (now?.kind === 'edit') {
      const sendError = text === now.item.body ? null : await conversation.act(editMessage(now.item.seq, text))
      error.value = sendError?.message ?? null
      if (!sendError && mode.value === now) mode.value = null
      return
    }
    // Clear at once, so that the next text does not mix with the sent one.
    conversation.setDraft('')
    mode.value = null
    const sendError = await (now ? conversation.send(text, now.item.seq) : conversation.send(text))
    error.value = sendError?.message ?? null
    if (sendError && conversation.draft.value === '') conversation.setDraft(text)
  }

  const insertEmoji = (chosen: string) => {
    emoji.value = null
    const input = field.current
    if (!input) return
    const caret = input.selectionStart + chosen.length
    setText(text.slice(0, input.selectionStart) + chosen + text.slice(input.selectionEnd))
    // After the menu has closed and the field has the new text.
    requestAnimationFrame(() => {
      input.focus()
      input.setSelectionRange(caret, caret)
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
    } else if (event.key === 'Enter' && !event.shiftKey && !event.altKey && (event.ctrlKey || event.metaKey || !hasTouchKeyboard())) {
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
      {error.value && <p class="composer-note composer-error" role="alert">{error.value}</p>}
      {completion.users.length > 0 && (
        <MentionList id={LIST_ID} users={completion.users} active={completion.active} onPick={completion.pick} />
      )}
      {mode.value && <ModeBar mode={mode.value} onCancel={() => (mode.value = null)} />}
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          {...(text && { dir: 'auto' as const })}
          name="message"
          value={text}
          enterkeyhint={hasTouchKeyboard() ? 'enter' : 'send'}
          aria-label={t(editing ? 'composer.editLabel' : 'composer.label', { name })}
          {...(completion.users.length > 0 && {
            'aria-autocomplete': 'list' as const,
            'aria-controls': LIST_ID,
            'aria-activedescendant': `${LIST_ID}-${completion.active}`,
          })}
          placeholder={t('composer.placeholder')}
          onKeyDown={onKeyDown}
          onBlur={completion.close}
          onInput={(event) => {
            error.value = null
            setText(event.currentTarget.value)
            // It is there when the message is sent.
            if (hasMarkup(event.currentTarget.value)) loadFormatter()
            completion.update()
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
      {emoji.value && <EmojiMenu anchorRect={emoji.value} onPick={insertEmoji} onClose={() => (emoji.value = null)} />}
      {text !== '' && left > SHOW_COUNTER_BELOW && !tooManyBytes && <p class="composer-help">{t('composer.formatHelp')}</p>}
      {(left <= SHOW_COUNTER_BELOW || tooManyBytes) && (
        <p class={left < 0 || tooManyBytes ? 'composer-note composer-error' : 'composer-note'} role="status">
          {tooManyBytes ? t('composer.overBytes') : left < 0 ? t('composer.over', { count: -left }) : t('composer.remaining', { count: left })}
        </p>
      )}
    </form>
  )
}

/** Shows what is being edited or replied to, with a button to cancel. */
function ModeBar({ mode, onCancel }: { mode: ComposerMode; onCancel: () => void }) {
  const { kind, item } = mode
  return (
    <div class="composer-mode">
      <Icon name={kind === 'edit' ? 'compose' : 'reply'} />
      <p class="composer-mode-text">
        <span class="composer-mode-title">{kind === 'edit' ? t('composer.editing') : t('composer.replying', { name: item.own ? t('user.you') : displayName(item.author) })}</span>
        <bdi class="composer-mode-body">{visibleText(item.body)}</bdi>
      </p>
      <IconButton icon="close" label={t('action.cancel')} onClick={onCancel} />
    </div>
  )
}

/** Set the height to that of the text, where the style sheet cannot; it limits the height. */
function fitHeight(field: HTMLTextAreaElement | null): void {
  if (!field || CSS.supports('field-sizing', 'content')) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
