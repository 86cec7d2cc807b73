/** What administrators do outside of conversations: suspend people and restore them, and read what was done. */
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Http } from '../../core/net/http'
import type { AuditAnswer, AuditEntry, PeopleAnswer, Person, User, UsersAnswer } from '../../core/net/protocol'
import { t } from '../../i18n'
import { fullTime } from '../../lib/time'
import { displayName, useMe, useModel } from '../app/context'
import { UserNames } from '../conversations/UserPicker'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Avatar } from '../primitives/Avatar'
import { Button } from '../primitives/Button'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'

const PAGES = ['people', 'log'] as const

export function Administration({ onClose }: { onClose: () => void }) {
  const page = useSignal<(typeof PAGES)[number]>('people')
  return (
    <Dialog title={t('admin.title')} onClose={onClose}>
      <div class="dialog-body">
        <fieldset class="section">
          <legend class="visually-hidden">{t('admin.title')}</legend>
          <div class="segments">
            {PAGES.map((choice) => (
              <label class="segment" key={choice}>
                <input type="radio" name="administration" checked={page.value === choice} onChange={() => (page.value = choice)} />
                <span>{t(`admin.${choice}`)}</span>
              </label>
            ))}
          </div>
        </fieldset>
        {page.value === 'people' ? <People /> : <Log />}
      </div>
    </Dialog>
  )
}

interface Pages<T> {
  /** What was read so far; null before the first page. */
  items: Signal<readonly T[] | null>
  more: Signal<boolean>
  busy: Signal<boolean>
  problem: Signal<string | null>
  read(): Promise<void>
}

/** A list that the server answers page by page; the first is read at once. */
function usePages<T>(ask: (http: Http, cursor?: string) => Promise<{ items: readonly T[]; next?: string | undefined }>): Pages<T> {
  const model = useModel()
  const items = useSignal<readonly T[] | null>(null)
  const cursor = useSignal<string | undefined>(undefined)
  const more = useSignal(false)
  const busy = useSignal(false)
  const problem = useSignal<string | null>(null)
  const read = async () => {
    busy.value = true
    const found = await model.ask(({ http }) => ask(http, cursor.value))
    busy.value = false
    problem.value = 'problem' in found ? found.problem.message : null
    more.value = 'problem' in found || found.answer.next !== undefined
    if ('problem' in found) return
    items.value = [...(items.value ?? []), ...found.answer.items]
    cursor.value = found.answer.next
  }
  useEffect(() => void read(), [])
  return { items, more, busy, problem, read }
}

function Rest({ pages: { items, more, busy, problem, read } }: { pages: Pages<unknown> }) {
  return (
    <>
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
      {items.value === null && busy.value && <p class="picker-note" role="status">{t('admin.loading')}</p>}
      {more.value && (
        <Button wide busy={busy.value} onClick={() => void read()}>{t(problem.value ? 'action.retry' : 'admin.more')}</Button>
      )}
    </>
  )
}

function People() {
  const query = useSignal('')
  const pages = usePages<Person>(async (http, cursor) => {
    const answer = await http.get<PeopleAnswer>('/admin/users', { cursor })
    return { items: answer.users, next: answer.next_cursor }
  })
  const wanted = query.value.trim().toLowerCase()
  const all = pages.items.value ?? []
  const shown = all.filter((person) => `${displayName(person)} @${person.handle ?? ''}`.toLowerCase().includes(wanted))
  const changed = (now: Person) => {
    pages.items.value = all.map((person) => (person.user_id === now.user_id ? now : person))
  }
  return (
    <section class="section section-last" aria-label={t('admin.people')}>
      <Field label={t('admin.filter')} name="filter" type="search" icon="search" autocomplete="off" value={query.value} onValue={(value) => (query.value = value)} />
      {all.length > 0 && shown.length === 0 && <p class="picker-note" role="status">{t('admin.filterNone')}</p>}
      <ul class="item-list">{shown.map((person) => <PersonRow key={person.user_id} person={person} onChange={changed} />)}</ul>
      <Rest pages={pages} />
    </section>
  )
}

function PersonRow({ person, onChange }: { person: Person; onChange: (now: Person) => void }) {
  const model = useModel()
  const me = useMe()
  const problem = useSignal<string | null>(null)
  const name = displayName(person)
  const suspended = person.suspended_at_ms !== null
  const set = async (on: boolean) => {
    const path = `/admin/users/${encodeURIComponent(person.user_id)}/suspension`
    const done = await model.ask(({ http }) => http.send(on ? 'PUT' : 'DELETE', path))
    problem.value = 'problem' in done ? done.problem.message : null
    if ('problem' in done) return done.problem
    onChange({ ...person, suspended_at_ms: on ? Date.now() : null })
    return null
  }
  return (
    <li class="item">
      <Avatar id={person.user_id} name={name} />
      <UserNames user={person} />
      {suspended && <span class="item-role">{t('admin.suspended')}</span>}
      {suspended && (
        <button type="button" class="text-button" aria-label={t('admin.restoreLabel', { name })} onClick={() => void set(false)}>{t('admin.restore')}</button>
      )}
      {!suspended && person.user_id !== me.user_id && (
        <ConfirmButton
          small
          label={t('admin.suspend')}
          ariaLabel={t('admin.suspendLabel', { name })}
          question={t('admin.suspendAsk', { name })}
          no={t('action.cancel')}
          onYes={() => set(true)}
        />
      )}
      {suspended && problem.value && <p class="form-error item-error" role="alert">{problem.value}</p>}
    </li>
  )
}

type Told = AuditEntry & { actor: User | undefined; user: User | undefined }

function Log() {
  const pages = usePages<Told>(async (http, cursor) => {
    const answer = await http.get<AuditAnswer>('/admin/audit', { cursor })
    const ids = [...new Set(answer.entries.flatMap((entry) => [entry.actor_id, entry.user_id]))]
    const users = ids.length > 0 ? (await http.get<UsersAnswer>('/users', { ids: ids.join(',') })).users : []
    const byId = new Map(users.map((user) => [user.user_id, user]))
    const told = answer.entries.map((entry) => ({ ...entry, actor: byId.get(entry.actor_id), user: byId.get(entry.user_id) }))
    return { items: told, next: answer.next_cursor }
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
      <Rest pages={pages} />
    </section>
  )
}
