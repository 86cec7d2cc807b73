import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vite.config.ts'

// Not in vite.config.ts, because building the package installs no test tools.
export default mergeConfig(
  base,
  defineConfig({
    test: {
      environment: 'happy-dom',
      include: ['test/**/*.test.{ts,tsx}'],
      // Through Vite, so that the alias from React to Preact applies in tests too.
      server: { deps: { inline: ['virtua'] } },
    },
  }),
)
