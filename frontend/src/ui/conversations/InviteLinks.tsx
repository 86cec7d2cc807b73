/** The invite links of a group: create, copy and revoke. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ConversationModel } from '../../core/model'
import type { Invite, InvitesResponse, NewInviteResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { dayLabel } from '../../lib/time'
import { today } from '../../lib/today'
import { hashForRoute } from '../app/route'
import { Button } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { FormError } from '../primitives/FormError'
import { Icon } from '../primitives/Icon'
import { SegmentedControl } from '../primitives/SegmentedControl'

const DAY_S = 86_400
const EXPIRY_S = { day: DAY_S, week: 7 * DAY_S, never: undefined } as const
type Expiry = keyof typeof EXPIRY_S
const EXPIRIES = Object.keys(EXPIRY_S) as Expiry[]
const MAX_USES_COUNT = { one: 1, ten: 10, any: undefined } as const
type MaxUses = keyof typeof MAX_USES_COUNT
const MAX_USES = Object.keys(MAX_USES_COUNT) as MaxUses[]

export function InviteLinks({ conversation }: { conversation: ConversationModel }) {
  const invites = useSignal<Invite[]>([])
  const link = useSignal<string | null>(null)
  const expiry = useSignal<Expiry>('week')
  const maxUses = useSignal<MaxUses>('any')
  const error = useSignal<string | null>(null)
  const load = () =>
    conversation.act(async ({ http, path }) => (invites.value = (await http.get<InvitesResponse>(path('/invites'))).invites))
  useEffect(() => void load(), [conversation])

  const create = async () => {
    const expires_in_s = EXPIRY_S[expiry.value]
    const max_uses = MAX_USES_COUNT[maxUses.value]
    const limits = { ...(expires_in_s && { expires_in_s }), ...(max_uses && { max_uses }) }
    const failed = await conversation.act(async ({ http, path }) => {
      const { token } = await http.send<NewInviteResponse>('POST', path('/invites'), limits)
      link.value = new URL(hashForRoute({ conversationId: null, panel: 'invite', token }), location.href).href
    })
    error.value = failed?.message ?? null
    if (!failed) void load()
  }
  const revoke = async (invite: Invite) => {
    const failed = await conversation.act(({ http, path }) => http.send('DELETE', path(`/invites/${invite.invite_id}`)))
    if (!failed) void load()
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
                <span class="item-title">{invite.expires_at_ms ? t('invites.expiresOn', { when: dayLabel(invite.expires_at_ms, today.value) }) : t('invites.neverExpires')}</span>
                <span class="item-detail">{invite.max_uses ? t('invites.usesOf', { uses: invite.uses, max: invite.max_uses }) : t('invites.uses', { count: invite.uses })}</span>
              </span>
              <ConfirmButton small label={t('invites.revoke')} question={t('invites.revokeConfirm')} cancelLabel={t('action.cancel')} onConfirm={() => revoke(invite)} />
            </li>
          ))}
        </ul>
      )}
      {link.value && <NewLink key={link.value} link={link.value} />}
      <FormError text={error.value} />
      <SegmentedControl
        class="setting"
        name="expires"
        legend={t('invites.expires')}
        values={EXPIRIES}
        value={expiry.value}
        label={(each) => t(`invites.expires.${each}`)}
        onValue={(value) => (expiry.value = value)}
      />
      <SegmentedControl
        class="setting"
        name="max-uses"
        legend={t('invites.maxUses')}
        values={MAX_USES}
        value={maxUses.value}
        label={(each) => t(`invites.maxUses.${each}`)}
        onValue={(value) => (maxUses.value = value)}
      />
      <Button wide onClick={() => void create()}>{t('invites.create')}</Button>
    </section>
  )
}

function NewLink({ link }: { link: string }) {
  const field = useRef<HTMLInputElement>(null)
  const copied = useSignal(false)
  const copy = async () => {
    // If the browser does not allow copying, as on plain HTTP, the link is at least selected.
    field.current?.select()
    const written = navigator.clipboard?.writeText(link) ?? Promise.reject()
    copied.value = await written.then(() => true, () => false)
    if (copied.value) announce(t('invites.copied'))
  }
  return (
    <div class="new-link">
      <p class="section-text">{t('invites.shownOnce')}</p>
      <div class="new-link-box">
        <input ref={field} type="text" readOnly value={link} aria-label={t('invites.link')} onFocus={(event) => event.currentTarget.select()} />
        <Button onClick={() => void copy()}><Icon name={copied.value ? 'check' : 'copy'} /> {t(copied.value ? 'invites.copied' : 'invites.copy')}</Button>
      </div>
    </div>
  )
}
