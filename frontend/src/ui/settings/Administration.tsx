/** The administration panel: suspend and restore users, and read the audit log. */
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { displayName } from '../../core/displayName'
import type { Http } from '../../core/net/http'
import type { AuditResponse, AuditEntry, AdminUsersResponse, AdminUser, User, UsersResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { fullTime } from '../../lib/time'
import { useMe, useModel } from '../app/context'
import { UserNames } from '../conversations/UserPicker'
import { Avatar } from '../primitives/Avatar'
import { Button, TextButton } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { SegmentedControl } from '../primitives/SegmentedControl'

const PAGES = ['users', 'log'] as const

export function Administration({ onClose }: { onClose: () => void }) {
  const page = useSignal<(typeof PAGES)[number]>('users')
  return (
    <Dialog title={t('admin.title')} onClose={onClose}>
      <div class="dialog-body">
        <SegmentedControl
          class="section"
          name="administration"
          legend={t('admin.title')}
          hideLegend
          values={PAGES}
          value={page.value}
          label={(each) => t(`admin.${each}`)}
          onValue={(value) => (page.value = value)}
        />
        {page.value === 'users' ? <UserList /> : <AuditLog />}
      </div>
    </Dialog>
  )
}

interface Pages<T> {
  /** The items loaded so far; null before the first page. */
  items: Signal<readonly T[] | null>
  hasMore: Signal<boolean>
  busy: Signal<boolean>
  error: Signal<string | null>
  loadMore(): Promise<void>
}

/** Load a paged list; the first page loads at once. */
function usePages<T>(readPage: (http: Http, cursor?: string) => Promise<{ items: readonly T[]; next?: string | undefined }>): Pages<T> {
  const model = useModel()
  const items = useSignal<readonly T[] | null>(null)
  const cursor = useSignal<string | undefined>(undefined)
  const hasMore = useSignal(false)
  const busy = useSignal(false)
  const error = useSignal<string | null>(null)
  const loadMore = async () => {
    busy.value = true
    const result = await model.request(({ http }) => readPage(http, cursor.value))
    busy.value = false
    error.value = 'error' in result ? result.error.message : null
    hasMore.value = 'error' in result || result.value.next !== undefined
    if ('error' in result) return
    items.value = [...(items.value ?? []), ...result.value.items]
    cursor.value = result.value.next
  }
  useEffect(() => void loadMore(), [])
  return { items, hasMore, busy, error, loadMore }
}

function PageFooter({ pages: { items, hasMore, busy, error, loadMore } }: { pages: Pages<unknown> }) {
  return (
    <>
      <FormError text={error.value} />
      {items.value === null && busy.value && <p class="picker-note" role="status">{t('admin.loading')}</p>}
      {hasMore.value && (
        <Button wide busy={busy.value} onClick={() => void loadMore()}>{t(error.value ? 'action.retry' : 'admin.loadMore')}</Button>
      )}
    </>
  )
}

function UserList() {
  const query = useSignal('')
  const pages = usePages<AdminUser>(async (http, cursor) => {
    const response = await http.get<AdminUsersResponse>('/admin/users', { cursor })
    return { items: response.users, next: response.next_cursor }
  })
  const needle = query.value.trim().toLowerCase()
  const all = pages.items.value ?? []
  const matching = all.filter((user) => `${displayName(user)} @${user.handle ?? ''}`.toLowerCase().includes(needle))
  const replaceUser = (changed: AdminUser) => {
    pages.items.value = all.map((user) => (user.user_id === changed.user_id ? changed : user))
  }
  return (
    <section class="section section-last" aria-label={t('admin.users')}>
      <Field label={t('admin.filter')} name="filter" type="search" icon="search" autocomplete="off" value={query.value} onValue={(value) => (query.value = value)} />
      {all.length > 0 && matching.length === 0 && <p class="picker-note" role="status">{t('admin.noMatch')}</p>}
      <ul class="item-list">{matching.map((user) => <UserRow key={user.user_id} user={user} onChange={replaceUser} />)}</ul>
      <PageFooter pages={pages} />
    </section>
  )
}

function UserRow({ user, onChange }: { user: AdminUser; onChange: (changed: AdminUser) => void }) {
  const model = useModel()
  const me = useMe()
  const error = useSignal<string | null>(null)
  const name = displayName(user)
  const suspended = user.suspended_at_ms !== null
  const setSuspended = async (on: boolean) => {
    const path = `/admin/users/${encodeURIComponent(user.user_id)}/suspension`
    const result = await model.request(({ http }) => http.send(on ? 'PUT' : 'DELETE', path))
    error.value = 'error' in result ? result.error.message : null
    if ('error' in result) return result.error
    onChange({ ...user, suspended_at_ms: on ? Date.now() : null })
    return null
  }
  return (
    <li class="item">
      <Avatar id={user.user_id} name={name} />
      <UserNames user={user} />
      {suspended && <span class="item-role">{t('admin.suspended')}</span>}
      {suspended && (
        <TextButton label={t('admin.restoreLabel', { name })} onClick={() => void setSuspended(false)}>{t('admin.restore')}</TextButton>
      )}
      {!suspended && user.user_id !== me.user_id && (
        <ConfirmButton
          small
          label={t('admin.suspend')}
          ariaLabel={t('admin.suspendLabel', { name })}
          question={t('admin.suspendConfirm', { name })}
          cancelLabel={t('action.cancel')}
          onConfirm={() => setSuspended(true)}
        />
      )}
      {suspended && error.value && <FormError text={error.value} class="item-error" />}
    </li>
  )
}

type AuditRow = AuditEntry & { actor: User | undefined; user: User | undefined }

function AuditLog() {
  const pages = usePages<AuditRow>(async (http, cursor) => {
    const response = await http.get<AuditResponse>('/admin/audit', { cursor })
    const ids = [...new Set(response.entries.flatMap((entry) => [entry.actor_id, entry.user_id]))]
    const users = ids.length > 0 ? (await http.get<UsersResponse>('/users', { ids: ids.join(',') })).users : []
    const byId = new Map(users.map((user) => [user.user_id, user]))
    const rows = response.entries.map((entry) => ({ ...entry, actor: byId.get(entry.actor_id), user: byId.get(entry.user_id) }))
    return { items: rows, next: response.next_cursor }
  })
  const name = (user: User | undefined) => (user ? displayName(user) : t('user.unknown'))
  return (
    <section class="section section-last" aria-label={t('admin.log')}>
      {pages.items.value?.length === 0 && <p class="picker-note">{t('admin.logEmpty')}</p>}
      <ul class="item-list">
        {pages.items.value?.map((entry) => (
          <li class="item" key={entry.audit_id}>
            <Avatar id={entry.actor_id} name={name(entry.actor)} size="s" />
            <span class="item-text">
              <span class="item-sentence"><bdi>{t(`admin.log.${entry.action}`, { actor: name(entry.actor), user: name(entry.user) })}</bdi></span>
              <time class="item-detail" dateTime={new Date(entry.at_ms).toISOString()}>{fullTime(entry.at_ms)}</time>
            </span>
          </li>
        ))}
      </ul>
      <PageFooter pages={pages} />
    </section>
  )
}
