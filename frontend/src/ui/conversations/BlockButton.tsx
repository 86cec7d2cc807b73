/** Blocks a user, or unblocks them. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { BlocksResponse } from '../../core/net/protocol'
import { t } from '../../i18n'
import { useModel } from '../app/context'
import { Button } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'

export function BlockButton({ userId, name }: { userId: string; name: string }) {
  const model = useModel()
  const blocked = useSignal<boolean | null>(null)
  useEffect(() => {
    void model
      .request(async ({ http }) => {
        for (let cursor: string | undefined; ; ) {
          const page: BlocksResponse = await http.get('/blocks', { cursor })
          if (page.blocks.some((block) => block.user_id === userId)) return true
          cursor = page.next_cursor
          if (!cursor) return false
        }
      })
      .then((result) => (blocked.value = 'value' in result ? result.value : null))
  }, [model, userId])
  const setBlocked = async (block: boolean) => {
    const result = await model.request(({ http }) => http.send(block ? 'PUT' : 'DELETE', `/blocks/${encodeURIComponent(userId)}`))
    if ('error' in result) return result.error
    blocked.value = block
    return null
  }
  if (blocked.value === null) return null
  if (!blocked.value) {
    return <ConfirmButton label={t('block.block', { name })} question={t('block.confirm', { name })} cancelLabel={t('action.cancel')} onConfirm={() => setBlocked(true)} />
  }
  return (
    <div class="section-row">
      <p class="section-text">{t('block.isBlocked', { name })}</p>
      <Button onClick={() => void setBlocked(false)}>{t('block.unblock')}</Button>
    </div>
  )
}
