/** One message: its bubble, its time and state, and what to do when it could not be sent. */
import type { ConversationModel } from '../../core/model'
import { t } from '../../i18n'
import { isEmojiOnly, tone } from '../../lib/text'
import { clockTime, fullTime } from '../../lib/time'
import { nameOf } from '../app/context'
import { Avatar } from '../primitives/Avatar'
import { BodyText } from '../primitives/BodyText'
import { Icon } from '../primitives/Icon'
import type { Row } from './rows'

type MessageRow = Extract<Row, { kind: 'message' }>

export function MessageBubble({ row, conversation }: { row: MessageRow; conversation: ConversationModel }) {
  const { item, first, last } = row
  const group = conversation.summary.value.kind === 'group'
  const author = item.own ? t('user.you') : nameOf(item.author)
  const classes = ['message', item.own ? 'own-side' : 'their-side']
  if (first) classes.push('first')
  if (last) classes.push('last')
  if (group && !item.own) classes.push('with-avatar')
  if (isEmojiOnly(item.body)) classes.push('large')
  return (
    <article
      class={classes.join(' ')}
      data-state={item.state}
      aria-label={t('message.label', { name: author, time: clockTime(item.at_ms) })}
    >
      {group && !item.own && last && <Avatar id={item.author.user_id} name={nameOf(item.author)} size="s" />}
      <div class="bubble" title={fullTime(item.at_ms)}>
        {group && !item.own && first && (
          <span class="author" data-tone={tone(item.author.user_id)}><bdi>{nameOf(item.author)}</bdi></span>
        )}
        <BodyText text={item.body} />
        {(last || item.state !== 'sent') && <Meta item={item} conversation={conversation} />}
      </div>
      {item.state === 'failed' && (
        <p class="failed">
          <Icon name="warning" />
          <span>{t('message.failed')} {item.problem?.message}</span>
          <button type="button" class="text-button" onClick={() => conversation.retry(item.key)}>{t('message.retry')}</button>
          <button type="button" class="text-button" onClick={() => conversation.discard(item.key)}>{t('message.discard')}</button>
        </p>
      )}
    </article>
  )
}

function Meta({ item, conversation }: { item: MessageRow['item']; conversation: ConversationModel }) {
  return (
    <span class="meta">
      <time dateTime={new Date(item.at_ms).toISOString()}>{clockTime(item.at_ms)}</time>
      {item.own && item.state !== 'failed' && <Ticks item={item} conversation={conversation} />}
    </span>
  )
}

function Ticks({ item, conversation }: { item: MessageRow['item']; conversation: ConversationModel }) {
  if (item.state !== 'sent') return <State icon="clock" label={t('message.pending')} />
  const read = item.seq <= conversation.readByOthers.value
  return read ? <State icon="checks" label={t('message.read')} /> : <State icon="check" label={t('message.sent')} />
}

function State({ icon, label }: { icon: 'clock' | 'check' | 'checks'; label: string }) {
  return (
    <span class={`tick tick-${icon}`} role="img" aria-label={label} title={label}>
      <Icon name={icon} />
    </span>
  )
}
