import { describe, expect, it } from 'vitest'
import { invitationCode, isRefusal, singleSignOn, wayOn, type OfficeView } from '@/network/network-client'
import { officeWords } from '@/network/offices'
import { csvCell } from '@/network/people-client'

describe('where to go after signing in', () => {
  it('is a path of ours', () => {
    expect(wayOn('/catalogue?subject=科学#top')).toBe('/catalogue?subject=%E7%A7%91%E5%AD%A6#top')
    expect(wayOn('/me')).toBe('/me')
  })

  it.each([
    undefined,
    null,
    ['/a'],
    '',
    'catalogue',
    '//elsewhere.example.org',
    '/\\elsewhere.example.org',
    'https://elsewhere.example.org/',
    'javascript:alert(1)',
    '/sign-in?to=/x',
    '/\t/elsewhere.example.org',
  ])('is never elsewhere: %s', (wished) => {
    expect(wayOn(wished)).toBe('/me')
  })
})

describe('an office in words', () => {
  const office: OfficeView = {
    id: 'a',
    office: 'parent',
    place: { id: 's', kind: 'school', name: '东区第一小学', timezone: 'Asia/Shanghai' },
    class_id: '',
    class_name: '',
    course: '',
    subject: '',
    about: 'p',
    about_name: '蒋小明',
    from_ms: 0,
    until_ms: null,
  }

  it('says where and for whom', () => {
    expect(officeWords(office, '全部')).toBe('东区第一小学 · 蒋小明')
    expect(officeWords({ ...office, place: null, about_name: '' }, '全部')).toBe('全部')
  })
})

describe('the code of an invitation', () => {
  it('stands in the fragment', () => {
    expect(invitationCode('#code=a-b_c')).toBe('a-b_c')
    expect(invitationCode('')).toBe('')
    expect(invitationCode('#token=x')).toBe('')
  })
})

describe('the single sign-on', () => {
  it('is begun at our own address and comes back to a page of ours', () => {
    expect(singleSignOn('/timetable', true)).toBe('/api/v1/sign-in/openid?to=%2Ftimetable&keep=true')
    expect(singleSignOn('https://evil.example', false)).toBe('/api/v1/sign-in/openid?to=%2Fme&keep=false')
  })

  it('tells what it is known to tell', () => {
    expect(isRefusal('unknown')).toBe(true)
    expect(isRefusal('<b>')).toBe(false)
    expect(isRefusal(undefined)).toBe(false)
  })
})

describe('a table of invitations', () => {
  it('has no cell that a spreadsheet takes for a formula', () => {
    expect(['=1+1', '@x', '-2', '王小明'].map(csvCell)).toEqual(["'=1+1", "'@x", "'-2", '王小明'])
    expect(csvCell('a,"b"')).toBe('"a,""b"""')
  })
})
