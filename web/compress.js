/**
 * Beside each file of a directory its compressed forms, made once and as small as can be: `.br` for browsers that take
 * it (by HTTPS, and on the own machine), `.gz` for all. Standard library of Node alone.
 *
 * node compress.js DIRECTORY
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const TEXT = new Set(['.js', '.css', '.html', '.svg'])

for (const entry of readdirSync(process.argv[2], { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXT.has(extname(entry.name))) continue
  const path = join(entry.parentPath, entry.name)
  const content = readFileSync(path)
  // Its best quality is brotli's own default.
  writeFileSync(`${path}.br`, brotliCompressSync(content))
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
}
