/** One conversation in the list. */
import type { ConversationSummary } from '../../core/model'
import { list, t } from '../../i18n'
import { fullTime, listTime } from '../../lib/time'
import { today } from '../../lib/today'
import { hashOf, openConversation } from '../app/route'
import { Avatar } from '../primitives/Avatar'
import { Icon } from '../primitives/Icon'

export function ConversationRow({ summary, open }: { summary: ConversationSummary; open: boolean }) {
  const { id, kind, name, peer, at_ms, unread } = summary
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    openConversation(id)
  }
  return (
    <li class="row-slot">
      <a
        class={unread > 0 ? 'row row-unread' : 'row'}
        href={hashOf({ conversationId: id, panel: null })}
        aria-current={open ? 'page' : undefined}
        onClick={onClick}
      >
        <Avatar id={peer?.user_id ?? id} name={name} group={kind === 'group'} />
        <span class="row-text">
          <span class="row-line">
            <span class="row-name"><bdi>{name}</bdi></span>
            {at_ms > 0 && (
              <time class="row-time" dateTime={new Date(at_ms).toISOString()} title={fullTime(at_ms)}>
                {listTime(at_ms, today.value)}
              </time>
            )}
          </span>
          <span class="row-line">
            <Preview summary={summary} open={open} />
            {unread > 0 && (
              <span class="badge">
                <span aria-hidden="true">{unread > 999 ? '999+' : unread}</span>
                <span class="sr">{t('list.unread', { count: unread })}</span>
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  )
}

function Preview({ summary, open }: { summary: ConversationSummary; open: boolean }) {
  const { kind, preview, draft, typing } = summary
  if (typing.length > 0) return <span class="row-preview row-typing">{typingText(kind, typing)}</span>
  if (draft.trim() && !open) {
    return (
      <span class="row-preview">
        <span class="row-draft">{t('list.draft')}</span> <bdi>{draft}</bdi>
      </span>
    )
  }
  if (!preview) return <span class="row-preview">{t('list.noMessages')}</span>
  if (preview.deleted) return <span class="row-preview tombstone">{t('message.deleted')}</span>
  const author = preview.own ? t('list.you') : kind === 'group' && preview.author ? t('list.author', { name: preview.author }) : ''
  return (
    <span class="row-preview">
      {preview.pending && <span class="row-pending"><Icon name="clock" /><span class="sr">{t('list.sending')}</span></span>}
      {author && <><bdi class="row-author">{author}</bdi> </>}
      <bdi>{preview.body}</bdi>
    </span>
  )
}

export function typingText(kind: ConversationSummary['kind'], names: string[]): string {
  if (kind === 'direct') return t('typing.direct')
  return t(names.length === 1 ? 'typing.one' : 'typing.many', { names: list(names) })
}
