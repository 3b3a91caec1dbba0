/** All words in Chinese, in one piece. */

import library from './library/zh-CN.json'
import office from './office/zh-CN.json'
import pages from './zh-CN.json'

/** Three files: the organizer's page and the library have words enough for one of their own. */
export const catalogue = { ...pages, ...library, ...office }
export { default as ofComponents } from 'element-plus/es/locale/lang/zh-cn'
