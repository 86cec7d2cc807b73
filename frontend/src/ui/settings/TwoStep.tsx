/** The panel of two-step sign-in: shows whether it is on, sets up an authenticator app, and turns it off. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { TwoStepSetup } from '../../core/model'
import { t } from '../../i18n'
import { announce } from '../../lib/announcer'
import { useModel } from '../app/context'
import { VALIDATORS, validate } from '../auth/validation'
import { Button, TextButton } from '../primitives/Button'
import { ConfirmButton } from '../primitives/ConfirmButton'
import { Dialog } from '../primitives/Dialog'
import { Field } from '../primitives/Field'
import { FormError } from '../primitives/FormError'
import { useForm } from '../primitives/useForm'
import { QrCode } from './QrCode'

/** `null`: not known yet. */
type State = { on: boolean | null; setup: TwoStepSetup | null }

export function TwoStep({ onClose }: { onClose: () => void }) {
  const { twoStep } = useModel().auth
  const state = useSignal<State>({ on: null, setup: null })
  const busy = useSignal(true)
  const error = useSignal<string | null>(null)
  const body = useRef<HTMLDivElement>(null)
  const { on, setup } = state.value
  const wasShown = useRef(false)
  useEffect(() => {
    // The button that was pressed is gone: a screen reader continues at the new content.
    if (wasShown.current) body.current?.focus()
    wasShown.current = on !== null
  }, [on, setup])

  const load = async () => {
    busy.value = true
    const result = await twoStep.isOn()
    busy.value = false
    error.value = 'error' in result ? result.error.message : null
    if ('value' in result) state.value = { on: result.value, setup: null }
  }
  useEffect(() => void load(), [])
  const startSetup = async () => {
    busy.value = true
    const result = await twoStep.setUp()
    busy.value = false
    error.value = 'error' in result ? result.error.message : null
    if ('value' in result) state.value = { on, setup: result.value }
  }
  const turnOff = async () => {
    const failed = await twoStep.turnOff()
    if (failed) return failed
    state.value = { on: false, setup: null }
    announce(t('twoStep.off'))
    return null
  }

  return (
    <Dialog title={t('twoStep.title')} onClose={onClose}>
      <div class="dialog-body two-step" ref={body} tabIndex={-1}>
        <FormError text={error.value} />
        {on === null && busy.value && <p class="picker-note" role="status">{t('twoStep.loading')}</p>}
        {on === null && !busy.value && <Button wide onClick={() => void load()}>{t('action.retry')}</Button>}
        {on !== null && !setup && (
          <>
            <p class="two-step-state">{t(on ? 'twoStep.on' : 'twoStep.off')}</p>
            <p class="section-text">{t(on ? 'twoStep.onText' : 'twoStep.offText')}</p>
            <Button kind={on ? 'plain' : 'primary'} wide busy={busy.value} onClick={() => void startSetup()}>
              {t(on ? 'twoStep.replace' : 'twoStep.setUp')}
            </Button>
            {on && (
              <ConfirmButton
                label={t('twoStep.turnOff')}
                question={t('twoStep.turnOffConfirm')}
                cancelLabel={t('action.cancel')}
                onConfirm={turnOff}
              />
            )}
          </>
        )}
        {setup && (
          <Setup
            setup={setup}
            onDone={() => {
              state.value = { on: true, setup: null }
              announce(t('twoStep.on'))
            }}
            onCancel={() => (state.value = { on, setup: null })}
          />
        )}
      </div>
    </Dialog>
  )
}

function Setup({ setup, onDone, onCancel }: { setup: TwoStepSetup; onDone: () => void; onCancel: () => void }) {
  const { twoStep } = useModel().auth
  const form = useForm({
    initial: { code: '' },
    validate: (values) => validate(values, { code: VALIDATORS.appCode }),
    submit: (values) => twoStep.turnOn(values.code),
    onSuccess: onDone,
  })
  return (
    <ol class="steps">
      <li>{t('twoStep.openApp')}</li>
      <li>
        <p>{t('twoStep.scan')}</p>
        <QrCode text={setup.uri} label={t('twoStep.qrCode')} />
        <SetupKey secret={setup.secret} />
      </li>
      <li>
        <p>{t('twoStep.enterCode')}</p>
        <form class="form" noValidate onSubmit={form.onSubmit}>
          <FormError text={form.errors['']} />
          <Field {...form.field('code')} label={t('auth.code')} inputmode="numeric" autocomplete="one-time-code" spellcheck={false} />
          <Button kind="primary" type="submit" wide busy={form.busy}>{t('twoStep.turnOn')}</Button>
          <Button wide onClick={onCancel}>{t('action.cancel')}</Button>
        </form>
      </li>
    </ol>
  )
}

/** The secret in groups of four, for an app on the same device or without a camera. */
function SetupKey({ secret }: { secret: string }) {
  const copied = useSignal(false)
  const copy = async () => {
    copied.value = await navigator.clipboard.writeText(secret).then(() => true, () => false)
    if (copied.value) announce(t('twoStep.keyCopied'))
  }
  return (
    <div class="setup-key">
      <p class="section-text">{t('twoStep.key')}</p>
      <code dir="ltr">{secret.match(/.{1,4}/g)?.join(' ')}</code>
      {/* Browsers have no clipboard on plain HTTP. */}
      {'clipboard' in navigator && (
        <TextButton onClick={() => void copy()}>{t(copied.value ? 'twoStep.keyCopied' : 'twoStep.copyKey')}</TextButton>
      )}
    </div>
  )
}
