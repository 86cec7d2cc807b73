/**
 * The views on a made-up model, to look at them without a server: `npm run dev`, then /dev/index.html?session=…
 *
 * Query: `session` starting | signed-out | confirming | new-password | resetting | new | signed-in (the default),
 * `list` full | empty | loading | problem, `history` full | empty | loading | problem | missing | huge,
 * `connection` online | connecting | offline, `dir` rtl, `theme` light | dark.
 */
import { render } from 'preact'
import { theme } from '../src/lib/preferences'
import { App } from '../src/ui/app/App'
import { fakeModel } from './fakeModel'

const query = new URLSearchParams(location.search)
document.documentElement.dir = query.get('dir') ?? 'ltr'
const wanted = query.get('theme')
if (wanted === 'light' || wanted === 'dark') theme.value = wanted
const model = fakeModel(Object.fromEntries(query))
Object.assign(window, { model })
const root = document.getElementById('app')
if (root) render(<App model={model} />, root)
