/** The list of keyboard shortcuts. */
import { type Key, t } from '../../i18n'
import { Dialog } from '../primitives/Dialog'

/** Keys as printed on the keyboard, or the catalogue's names of those that have one. */
const SHORTCUTS: { label: Key; keys: (Key | { symbol: string })[] }[] = [
  { label: 'shortcuts.next', keys: ['shortcuts.key.alt', { symbol: '↓' }] },
  { label: 'shortcuts.previous', keys: ['shortcuts.key.alt', { symbol: '↑' }] },
  { label: 'shortcuts.search', keys: ['shortcuts.key.control', { symbol: 'K' }] },
  { label: 'shortcuts.new', keys: ['shortcuts.key.alt', { symbol: 'N' }] },
  { label: 'shortcuts.send', keys: ['shortcuts.key.enter'] },
  { label: 'shortcuts.newline', keys: ['shortcuts.key.shift', 'shortcuts.key.enter'] },
  { label: 'shortcuts.edit', keys: [{ symbol: '↑' }] },
  { label: 'shortcuts.mention', keys: [{ symbol: '@' }] },
  { label: 'format.bold', keys: [{ symbol: '**…**' }] },
  { label: 'format.italics', keys: [{ symbol: '*…*' }, { symbol: '_…_' }] },
  { label: 'format.strikethrough', keys: [{ symbol: '~~…~~' }] },
  { label: 'format.spoiler', keys: [{ symbol: '||…||' }] },
  { label: 'format.link', keys: [{ symbol: '[…](https://…)' }] },
  { label: 'format.code', keys: [{ symbol: '`…`' }, { symbol: '```…```' }] },
  { label: 'format.quote', keys: [{ symbol: '> …' }, { symbol: '>>> …' }] },
  { label: 'format.list', keys: [{ symbol: '- …' }, { symbol: '1. …' }] },
  { label: 'shortcuts.close', keys: ['shortcuts.key.escape'] },
  { label: 'shortcuts.help', keys: [{ symbol: '?' }] },
]

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('shortcuts.title')} onClose={onClose}>
      <dl class="dialog-body shortcuts">
        {SHORTCUTS.map(({ label, keys }) => (
          <div class="shortcut" key={label}>
            <dt>{t(label)}</dt>
            <dd>{keys.map((key) => (typeof key === 'string' ? t(key) : key.symbol)).map((name) => <kbd key={name}>{name}</kbd>)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
