/**
 * Renders the views with a fake model, without a server: `npm run dev`, then open /dev/index.html?session=…
 *
 * Query: `session` starting | signed-out | confirming | new-password | resetting | new | signed-in (the default),
 * `signUp` open | invitation | domain,
 * `list` full | empty | loading | error, `history` full | empty | loading | error | missing | huge | pages,
 * `connection` online | connecting | offline, `dir` rtl, `theme` light | dark, `unsent` (adds a pending and a failed message), `admin`, `slow` (ms).
 */
import { render } from 'preact'
import { theme } from '../src/lib/preferences'
import { App } from '../src/ui/app/App'
import { fakeModel } from './fakeModel'

const query = new URLSearchParams(location.search)
document.documentElement.dir = query.get('dir') ?? 'ltr'
const requestedTheme = query.get('theme')
if (requestedTheme === 'light' || requestedTheme === 'dark') theme.value = requestedTheme
const model = fakeModel(Object.fromEntries(query))
Object.assign(window, { model })
const root = document.getElementById('app')
if (root) render(<App model={model} />, root)
