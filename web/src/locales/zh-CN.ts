/** All words in Chinese, in one piece. */

import courses from './courses/zh-CN.json'
import library from './library/zh-CN.json'
import network from './network/zh-CN.json'
import office from './office/zh-CN.json'
import operations from './operations/zh-CN.json'
import pages from './zh-CN.json'
import people from './people/zh-CN.json'
import supervision from './supervision/zh-CN.json'

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
export { default as ofComponents } from 'element-plus/es/locale/lang/zh-cn'
