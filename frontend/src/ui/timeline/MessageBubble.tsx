/** One message: bubble, time, delivery status, quote and reactions. */
import { useComputed } from '@preact/signals'
import { setReaction } from '../../core/actions'
import { displayName } from '../../core/displayName'
import type { ConversationModel, QuotedMessage } from '../../core/model'
import type { Reaction } from '../../core/net/protocol'
import { list, t } from '../../i18n'
import { isEmojiOnly, tone } from '../../lib/text'
import { clockTime, fullTime } from '../../lib/time'
import { visibleText } from '../../lib/visibleText'
import { hasMenu, type SentMessage, viewStateOf } from '../conversations/viewState'
import { useStableComputed } from '../app/useStableComputed'
import { Avatar } from '../primitives/Avatar'
import { BodyText } from '../primitives/BodyText'
import { TextButton } from '../primitives/Button'
import { Icon } from '../primitives/Icon'
import type { AnchorRect } from '../primitives/Menu'
import { useLongPress } from '../primitives/useLongPress'
import type { Row } from './rows'

type MessageRow = Extract<Row, { kind: 'message' }>

export function MessageBubble({ row, conversation }: { row: MessageRow; conversation: ConversationModel }) {
  const { item, first, last } = row
  const group = conversation.identity.value.kind === 'group'
  const author = item.own ? t('user.you') : displayName(item.author)
  const message = item.state === 'sent' ? item.message : undefined
  const deleted = message?.deleted_at_ms !== undefined
  const { me } = conversation
  const { menu, highlighted, tabStop } = viewStateOf(conversation)
  const isHighlighted = useComputed(() => item.seq !== null && highlighted.value === item.seq)
  const tabIndex = useComputed(() => (tabStop.value === item.key ? 0 : -1)).value
  const openMenu = hasMenu(item) ? (anchorRect: AnchorRect) => (menu.value = { item, anchorRect }) : undefined
  const longPress = useLongPress(openMenu)
  const classes = ['message', item.own ? 'own-side' : 'their-side']
  if (first) classes.push('first')
  if (last) classes.push('last')
  if (group && !item.own) classes.push('with-avatar')
  if (isEmojiOnly(item.body) && !item.quote) classes.push('large')
  if (isHighlighted.value) classes.push('highlighted')
  return (
    <article
      class={classes.join(' ')}
      data-state={item.state}
      data-key={item.key}
      aria-label={t('message.label', { name: author, time: clockTime(item.at_ms) })}
    >
      {group && !item.own && last && <Avatar id={item.author.user_id} name={displayName(item.author)} size="s" />}
      <div class="bubble" title={fullTime(item.at_ms)} {...longPress}>
        {group && !item.own && first && (
          <span class="author" data-tone={tone(item.author.user_id)}><bdi>{displayName(item.author)}</bdi></span>
        )}
        {item.quote && !deleted && <Quote quote={item.quote} conversation={conversation} tabIndex={tabIndex} />}
        {deleted ? (
          <span class="tombstone">{t('message.deleted')}</span>
        ) : (
          <BodyText text={item.body} mentions={message?.mentions} me={me} tabIndex={tabIndex} />
        )}
        {(last || item.state !== 'sent' || message?.edited_at_ms !== undefined) && <MessageMeta item={item} conversation={conversation} />}
        {openMenu && (
          <button
            type="button"
            class="message-more"
            aria-label={t('menu.openFor', { name: author, time: clockTime(item.at_ms) })}
            aria-haspopup="dialog"
            tabIndex={tabIndex}
            onClick={(event) => openMenu(event.currentTarget.getBoundingClientRect())}
          />
        )}
      </div>
      {item.state === 'sent' && message?.reactions && message.reactions.length > 0 && (
        <Reactions item={item} reactions={message.reactions} conversation={conversation} tabIndex={tabIndex} />
      )}
      {item.state === 'failed' && (
        <p class="failed">
          <Icon name="warning" />
          <span>{t('message.failed')} {item.error?.message}</span>
          <TextButton onClick={() => conversation.retry(item.key)}>{t('action.retry')}</TextButton>
          <TextButton onClick={() => conversation.discard(item.key)}>{t('message.discard')}</TextButton>
        </p>
      )}
    </article>
  )
}

function Quote({ quote, conversation, tabIndex }: { quote: QuotedMessage; conversation: ConversationModel; tabIndex: number }) {
  const { seq, author, body, deleted } = quote
  return (
    <button
      type="button"
      class="quote"
      tabIndex={tabIndex}
      data-tone={author ? tone(author.user_id) : undefined}
      aria-label={t('message.goToQuoted', { name: author ? displayName(author) : t('user.unknown') })}
      onClick={() => (viewStateOf(conversation).scrollTarget.value = seq)}
    >
      {author && <bdi class="quote-author">{displayName(author)}</bdi>}
      <bdi class={body ? 'quote-body' : 'quote-body tombstone'}>{deleted ? t('message.deleted') : visibleText(body) || t('message.quoteUnavailable')}</bdi>
    </button>
  )
}

interface ReactionsProps {
  item: SentMessage
  reactions: Reaction[]
  conversation: ConversationModel
  tabIndex: number
}

function Reactions({ item, reactions, conversation, tabIndex }: ReactionsProps) {
  const { me } = conversation
  const nameById = (id: string) => {
    if (id === me) return t('user.you')
    const member = conversation.members.value.find((each) => each.user_id === id)
    return member ? displayName(member.user) : t('user.unknown')
  }
  const namesOfEach = useStableComputed(() => reactions.map(({ user_ids }) => list(user_ids.map(nameById)))).value
  return (
    <div class="reactions">
      {reactions.map(({ emoji, count, user_ids }, index) => {
        const reacted = user_ids.includes(me)
        const names = namesOfEach[index] ?? ''
        return (
          <button
            type="button"
            key={emoji}
            class="reaction"
            tabIndex={tabIndex}
            aria-pressed={reacted}
            aria-label={t('message.reaction', { emoji, names })}
            title={names}
            onClick={() => void conversation.act(setReaction(item.seq, emoji, !reacted))}
          >
            <span class="reaction-emoji">{emoji}</span> {count}
          </button>
        )
      })}
    </div>
  )
}

function MessageMeta({ item, conversation }: { item: MessageRow['item']; conversation: ConversationModel }) {
  return (
    <span class="meta">
      {item.state === 'sent' && item.message?.edited_at_ms !== undefined && <span>{t('message.edited')}</span>}
      <time dateTime={new Date(item.at_ms).toISOString()}>{clockTime(item.at_ms)}</time>
      {item.own && item.state !== 'failed' && <DeliveryStatus item={item} conversation={conversation} />}
    </span>
  )
}

function DeliveryStatus({ item, conversation }: { item: MessageRow['item']; conversation: ConversationModel }) {
  if (item.state !== 'sent') return <StatusIcon icon="clock" label={t('message.pending')} />
  return <SentStatus seq={item.seq} conversation={conversation} />
}

function SentStatus({ seq, conversation }: { seq: number; conversation: ConversationModel }) {
  const read = useComputed(() => seq <= conversation.readByOthers.value)
  return read.value ? <StatusIcon icon="checks" label={t('message.read')} /> : <StatusIcon icon="check" label={t('message.sent')} />
}

function StatusIcon({ icon, label }: { icon: 'clock' | 'check' | 'checks'; label: string }) {
  return (
    <span class={`tick tick-${icon}`} role="img" aria-label={label} title={label}>
      <Icon name={icon} />
    </span>
  )
}
