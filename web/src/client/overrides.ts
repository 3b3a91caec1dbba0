/** Query parameters that change how a page behaves; they follow the person from page to page. */

export interface Overrides {
  /** `room`: the big-screen layout. */
  view: 'room' | ''
  /** The only video codec to offer; empty: all, H.264 first. */
  codec: string
  /** `tcp`: leave out the server's UDP candidates; `relay`: go through a TURN server or not at all. */
  force: 'tcp' | 'relay' | ''
  /** `?simulcast=0`: one encoding of the camera instead of three. */
  simulcast: boolean
  language: string
}

function forced(word: string | null): Overrides['force'] {
  return word === 'tcp' || word === 'relay' ? word : ''
}

export function readOverrides(search: string): Overrides {
  const query = new URLSearchParams(search)
  return {
    view: query.get('view') === 'room' ? 'room' : '',
    codec: query.get('codec') ?? '',
    force: forced(query.get('force')),
    simulcast: query.get('simulcast') !== '0',
    language: query.get('lang') ?? '',
  }
}
