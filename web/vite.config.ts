import { fileURLToPath } from 'node:url'
import VueI18n from '@intlify/unplugin-vue-i18n/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** `npm run dev` serves the pages by itself and sends everything else to a Tongke server. */
const server = process.env.TONGKE_URL ?? 'http://localhost:8080'

/**
 * Script in few pieces: each costs an old tablet some 10 ms, whatever its size. A piece takes what its modules import
 * along, unless a piece before it has it: what everybody needs; what every lesson needs, the room's screen above all;
 * what those have who follow a lesson by hand.
 */
const PIECES = [
  { name: 'base', test: /src\/(main|App|router|components\/(ProblemPanel|WaitingNote|LanguageSwitch))\.?/ },
  { name: 'lesson', test: /src\/(pages\/LessonPage|pages\/RoomView|components\/StageView)\.vue/ },
  { name: 'follow', test: /src\/pages\/StudentView\.vue/ },
].map((piece, index, all) => ({ ...piece, priority: all.length - index }))

export default defineConfig({
  plugins: [
    // Neither our components nor those of Element Plus in use are written in options.
    vue({ features: { optionsAPI: false } }),
    // Catalogues are compiled here, so that the pages need no compiler and no eval (Content-Security-Policy).
    VueI18n({
      include: [
        '',
        'courses/',
        'library/',
        'network/',
        'office/',
        'operations/',
        'people/',
        'supervision/',
      ].map((directory) => here(`src/locales/${directory}*.json`)),
      runtimeOnly: true,
      dropMessageCompiler: true,
      fullInstall: false,
      strictMessage: true,
    }),
  ],
  resolve: { alias: { '@': here('src') } },
  build: {
    outDir: here('../signaling/pages'),
    emptyOutDir: true,
    target: ['chrome105', 'edge105', 'firefox115', 'safari15.4'],
    assetsInlineLimit: 0,
    // All of it is 16 kB; twenty files of it would wait for each other.
    cssCodeSplit: false,
    rolldownOptions: { output: { codeSplitting: { groups: PIECES } } },
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
