import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

type Catalogue = Record<string, string>

/** The files themselves: what the page gets is compiled. */
function files(language: string): object[] {
  const directories = [
    '',
    'courses/',
    'library/',
    'network/',
    'office/',
    'operations/',
    'people/',
    'supervision/',
  ]
  const addresses = directories.map((directory) => `../src/locales/${directory}${language}.json`)
  return addresses.map((file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf-8')) as object)
}

function read(language: string): Catalogue {
  return Object.assign({}, ...files(language).map((file) => flatten(file))) as Catalogue
}

function flatten(node: object, path = ''): Catalogue {
  return Object.assign(
    {},
    ...Object.entries(node).map(([key, value]: [string, unknown]) =>
      typeof value === 'string' ? { [path + key]: value } : flatten(value as object, `${path}${key}.`),
    ),
  ) as Catalogue
}

/** Each once: a text may have a form for one thing and another for many. */
const placeholders = (text: string) =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort()

describe('the catalogues', () => {
  const zhCN = read('zh-CN')
  const en = read('en')

  it('have the same keys', () => {
    expect(Object.keys(en)).toEqual(Object.keys(zhCN))
    expect(Object.keys(zhCN).length).toBeGreaterThan(150)
  })

  it('take no words from each other', () => {
    const names = files('zh-CN').flatMap((file) => Object.keys(file))
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('have no empty text', () => {
    expect(Object.entries({ ...zhCN, ...en }).filter(([, text]) => !text.trim())).toEqual([])
  })

  it.each(Object.keys(zhCN))('say the same things: %s', (key) => {
    expect(placeholders(en[key] ?? '')).toEqual(placeholders(zhCN[key] ?? ''))
  })
})
