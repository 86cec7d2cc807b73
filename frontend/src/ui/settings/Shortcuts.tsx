/** The keys that make it quick. */
import { type Key, t } from '../../i18n'
import { Dialog } from '../primitives/Dialog'

const SHORTCUTS: [Key, string[]][] = [
  ['shortcuts.next', ['Alt', '↓']],
  ['shortcuts.previous', ['Alt', '↑']],
  ['shortcuts.search', ['Ctrl', 'K']],
  ['shortcuts.new', ['Alt', 'N']],
  ['shortcuts.send', ['Enter']],
  ['shortcuts.newline', ['Shift', 'Enter']],
  ['shortcuts.edit', ['↑']],
  ['shortcuts.mention', ['@']],
  ['shortcuts.close', ['Esc']],
  ['shortcuts.help', ['?']],
]

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('shortcuts.title')} onClose={onClose}>
      <dl class="dialog-body shortcuts">
        {SHORTCUTS.map(([meaning, keys]) => (
          <div class="shortcut" key={meaning}>
            <dt>{t(meaning)}</dt>
            <dd>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
