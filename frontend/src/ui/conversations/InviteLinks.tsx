/** A group's links: made, copied once, revoked. */
import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import type { Invite, InvitesAnswer, NewInviteAnswer } from '../../core/net/protocol'
import { type Key, t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { dayLabel } from '../../lib/time'
import { today } from '../../lib/today'
import { hashForRoute } from '../app/route'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Button } from '../primitives/Button'
import { Icon } from '../primitives/Icon'

const DAY_S = 86_400
const TERMS = { day: DAY_S, week: 7 * DAY_S, never: undefined } as const
type Term = keyof typeof TERMS
const MOSTS = { one: 1, ten: 10, any: undefined } as const
type Most = keyof typeof MOSTS

export function InviteLinks({ conversation }: { conversation: ConversationModel }) {
  const invites = useSignal<Invite[]>([])
  const link = useSignal<string | null>(null)
  const term = useSignal<Term>('week')
  const most = useSignal<Most>('any')
  const problem = useSignal<string | null>(null)
  const read = () =>
    conversation.act(async ({ http, at }) => (invites.value = (await http.get<InvitesAnswer>(at('/invites'))).invites))
  useEffect(() => void read(), [conversation])

  const create = async () => {
    const expires_in_s = TERMS[term.value]
    const max_uses = MOSTS[most.value]
    const limits = { ...(expires_in_s && { expires_in_s }), ...(max_uses && { max_uses }) }
    const failed = await conversation.act(async ({ http, at }) => {
      const { token } = await http.send<NewInviteAnswer>('POST', at('/invites'), limits)
      link.value = new URL(hashForRoute({ conversationId: null, panel: 'invite', token }), location.href).href
    })
    problem.value = failed?.message ?? null
    if (!failed) void read()
  }
  const revoke = async (invite: Invite) => {
    const failed = await conversation.act(({ http, at }) => http.send('DELETE', at(`/invites/${invite.invite_id}`)))
    if (!failed) void read()
    return failed
  }

  return (
    <section class="section" aria-labelledby="invites">
      <h3 id="invites">{t('invites.title')}</h3>
      {invites.value.length > 0 && (
        <ul class="item-list">
          {invites.value.map((invite) => (
            <li class="item" key={invite.invite_id}>
              <span class="item-text">
                <span class="item-title">{invite.expires_at_ms ? t('invites.until', { when: dayLabel(invite.expires_at_ms, today.value) }) : t('invites.forever')}</span>
                <span class="item-detail">{invite.max_uses ? t('invites.usesOf', { uses: invite.uses, most: invite.max_uses }) : t('invites.uses', { count: invite.uses })}</span>
              </span>
              <ConfirmButton small label={t('invites.revoke')} question={t('invites.revokeAsk')} no={t('action.cancel')} onYes={() => revoke(invite)} />
            </li>
          ))}
        </ul>
      )}
      {link.value && <NewLink key={link.value} link={link.value} />}
      {problem.value && <p class="form-error" role="alert">{problem.value}</p>}
      <Choice name="expires" values={Object.keys(TERMS) as Term[]} chosen={term} />
      <Choice name="most" values={Object.keys(MOSTS) as Most[]} chosen={most} />
      <Button wide onClick={() => void create()}>{t('invites.create')}</Button>
    </section>
  )
}

function Choice<V extends string>({ name, values, chosen }: { name: 'expires' | 'most'; values: V[]; chosen: Signal<V> }) {
  return (
    <fieldset class="setting">
      <legend>{t(`invites.${name}`)}</legend>
      <div class="segments">
        {values.map((each) => (
          <label class="segment" key={each}>
            <input type="radio" name={name} checked={chosen.value === each} onChange={() => (chosen.value = each)} />
            <span>{t(`invites.${name}.${each}` as Key)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function NewLink({ link }: { link: string }) {
  const field = useRef<HTMLInputElement>(null)
  const copied = useSignal(false)
  const copy = async () => {
    // Where the browser does not let us copy, as on plain HTTP, it is at least selected.
    field.current?.select()
    const written = navigator.clipboard?.writeText(link) ?? Promise.reject()
    copied.value = await written.then(() => true, () => false)
    if (copied.value) announce(t('invites.copied'))
  }
  return (
    <div class="new-link">
      <p class="section-text">{t('invites.once')}</p>
      <div class="new-link-box">
        <input ref={field} type="text" readOnly value={link} aria-label={t('invites.link')} onFocus={(event) => event.currentTarget.select()} />
        <Button onClick={() => void copy()}><Icon name={copied.value ? 'check' : 'copy'} /> {t(copied.value ? 'invites.copied' : 'invites.copy')}</Button>
      </div>
    </div>
  )
}
