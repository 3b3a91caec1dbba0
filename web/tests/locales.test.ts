import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

type Catalogue = Record<string, string>

/** The files themselves: what the page gets is compiled. */
function read(language: string): Catalogue {
  const directories = ['', 'courses/', 'library/', 'network/', 'office/', 'supervision/']
  const files = directories.map((directory) => `../src/locales/${directory}${language}.json`)
  const texts = files.map((file) => readFileSync(new URL(file, import.meta.url), 'utf-8'))
  return Object.assign({}, ...texts.map((text) => flatten(JSON.parse(text) as object))) as Catalogue
}

function flatten(node: object, path = ''): Catalogue {
  return Object.assign(
    {},
    ...Object.entries(node).map(([key, value]: [string, unknown]) =>
      typeof value === 'string' ? { [path + key]: value } : flatten(value as object, `${path}${key}.`),
    ),
  ) as Catalogue
}

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()

describe('the catalogues', () => {
  const zhCN = read('zh-CN')
  const en = read('en')

  it('have the same keys', () => {
    expect(Object.keys(en)).toEqual(Object.keys(zhCN))
    expect(Object.keys(zhCN).length).toBeGreaterThan(150)
  })

  it('have no empty text', () => {
    expect(Object.entries({ ...zhCN, ...en }).filter(([, text]) => !text.trim())).toEqual([])
  })

  it.each(Object.keys(zhCN))('say the same things: %s', (key) => {
    expect(placeholders(en[key] ?? '')).toEqual(placeholders(zhCN[key] ?? ''))
  })
})
