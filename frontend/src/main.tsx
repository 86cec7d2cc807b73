/** Starts the client: the model below, the views above. */
import { render } from 'preact'
import { createModel } from './core/create'
import { keepShell } from './core/shell'
import { App } from './ui/app/App'

const root = document.getElementById('app')
if (root) render(<App model={createModel()} />, root)
if (import.meta.env.PROD) addEventListener('load', () => void keepShell(), { once: true })
