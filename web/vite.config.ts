import { fileURLToPath } from 'node:url'
import VueI18n from '@intlify/unplugin-vue-i18n/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `npm run dev` serves the pages by itself and sends everything else to a Tongke server. */
const server = process.env.TONGKE_URL ?? 'http://localhost:8080'

export default defineConfig({
  plugins: [
    vue(),
    // Catalogues are compiled here, so that the pages need no compiler and no eval (Content-Security-Policy).
    VueI18n({
      include: [here('src/locales/*.json'), here('src/locales/office/*.json')],
      runtimeOnly: true,
      strictMessage: true,
    }),
  ],
  resolve: { alias: { '@': here('src') } },
  build: {
    outDir: here('../signaling/pages'),
    emptyOutDir: true,
    // For build.py, which weighs the pages by it and takes it away.
    manifest: 'manifest.json',
    target: ['chrome105', 'edge105', 'firefox115', 'safari15.4'],
    assetsInlineLimit: 0,
    // hls.js alone is above the limit; it is loaded by the player page only.
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      '/api': server,
      '/media': server,
      '/healthz': server,
      '/ws': { target: server, ws: true },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
