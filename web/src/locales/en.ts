/** All words in English, in one piece. */

import courses from './courses/en.json'
import library from './library/en.json'
import network from './network/en.json'
import office from './office/en.json'
import operations from './operations/en.json'
import pages from './en.json'
import people from './people/en.json'
import supervision from './supervision/en.json'

/** Several files: what belongs together has words enough for one of its own. */
export const catalogue = {
  ...pages,
  ...courses,
  ...library,
  ...network,
  ...office,
  ...operations,
  ...people,
  ...supervision,
}
export { default as ofComponents } from 'element-plus/es/locale/lang/en'
