/** Where a chat message goes, and who may write and clean up there. Pure. */

import type { ChatScope, ChatView, ClassView, PersonView } from '@/protocol/messages'
import type { LessonState } from '@/client/lesson-state'

export interface Channel {
  /** Unique within the page. */
  readonly key: string
  readonly scope: ChatScope
  /** What `chat.send` names: of one who leads, the class or the tutor; else empty. */
  readonly to: string
  /** Of a class's or a tutor's channel: the class. */
  readonly classId: string
  /** A class's or a tutor's own name; empty: the scope says it all. */
  readonly name: string
}

const LESSON: Channel = { key: 'lesson', scope: 'lesson', to: '', classId: '', name: '' }

export function leads(me: PersonView): boolean {
  return me.role === 'master' || me.role === 'organizer'
}

/** Who sees the chats of all classes. */
function seesAll(me: PersonView): boolean {
  return leads(me) || me.role === 'supervisor'
}

function ofClass(each: ClassView, to: string): Channel {
  return { key: `class:${each.id}`, scope: 'class', to, classId: each.id, name: each.name }
}

function toTutor(each: ClassView, people: readonly PersonView[]): Channel[] {
  const tutor = people.find((person) => person.id === each.tutor)
  if (!tutor) return []
  return [
    {
      key: `private:${tutor.id}`,
      scope: 'private',
      to: tutor.id,
      classId: each.id,
      name: `${each.name} ${tutor.name}`,
    },
  ]
}

/** The lesson's chat first, then those of classes, then private ones. */
export function channelsOf(lesson: LessonState): Channel[] {
  const { me, classes, people } = lesson
  if (seesAll(me)) {
    const lines = me.role === 'supervisor' ? [] : classes.flatMap((each) => toTutor(each, people))
    return [LESSON, ...classes.map((each) => ofClass(each, each.id)), ...lines]
  }
  const own = classes.find((each) => each.id === me.class_id)
  const channels = own ? [LESSON, ofClass(own, '')] : [LESSON]
  if (me.role === 'tutor')
    channels.push({ key: `private:${me.id}`, scope: 'private', to: '', classId: own?.id ?? '', name: '' })
  return channels
}

/** The key of the channel that a message belongs to. */
export function channelKey(line: ChatView): string {
  if (line.scope === 'class') return `class:${line.class_id ?? ''}`
  if (line.scope === 'private') return `private:${line.tutor ?? ''}`
  return 'lesson'
}

export function isClosed(lesson: LessonState, channel: Channel): boolean {
  const { conduct } = lesson.talk
  if (channel.scope === 'private') return false
  return channel.scope === 'class' ? conduct.closedClassChats.includes(channel.classId) : conduct.chatClosed
}

/** Whether I may write there now. The server decides; this is what the page offers. */
export function mayWrite(lesson: LessonState, channel: Channel): boolean {
  const { me, talk } = lesson
  if (me.role === 'supervisor' || me.role === 'encoder') return false
  if (leads(me)) return true
  if (me.role === 'tutor') return channel.scope !== 'lesson' || !isClosed(lesson, channel)
  return talk.conduct.chat && !isClosed(lesson, channel)
}

/** Whether I may close this chat, and delete in it. */
export function mayKeepOrder(lesson: LessonState, channel: Channel): boolean {
  if (channel.scope === 'private') return false
  if (leads(lesson.me)) return true
  return lesson.me.role === 'tutor' && channel.scope === 'class'
}
