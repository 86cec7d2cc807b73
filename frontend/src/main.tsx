/** Entry point: creates the model and renders the application. */
import { render } from 'preact'
import { createModel } from './app/createModel'
import { registerServiceWorker } from './core/platform/serviceWorker'
import { App } from './ui/app/App'

const root = document.getElementById('app')
if (root) render(<App model={createModel()} />, root)
if (import.meta.env.PROD) addEventListener('load', () => void registerServiceWorker(), { once: true })
