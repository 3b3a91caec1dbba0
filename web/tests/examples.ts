/** Messages as the server says them. */

import type { FloorView, PersonView, Welcome } from '@/protocol/messages'

export const MASTER: PersonView = {
  id: 'm',
  name: '王老师',
  role: 'master',
  online: true,
  sources: ['camera'],
}
export const TUTOR: PersonView = { id: 't1', name: '李老师', role: 'tutor', class_id: 'c1', online: true }
export const STUDENT: PersonView = { id: 's1', name: '小明', role: 'student', class_id: 'c1', online: true }

export const FLOOR: FloorView = {
  situation: 'lecture',
  settings: { stage_limit: 4, duck: false, resume_by_click: false },
}

export function welcome(changes: Partial<Welcome> = {}): Welcome {
  return {
    type: 'welcome',
    session: 'session',
    resume: 'resume-token',
    me: STUDENT,
    lesson: {
      id: 'demo',
      title: '认识月食',
      state: 'live',
      phase: 'lecture',
      recording: 'on',
      started_ms: 1_000_000,
      classes: [{ id: 'c1', name: '1班', tutor: 't1', tutor_online: true, online: 2 }],
      people: [MASTER, TUTOR, STUDENT],
      floor: FLOOR,
      stage: {},
    },
    heartbeat_s: 10,
    may_publish: [],
    server_ms: 1_060_000,
    ...changes,
  }
}
