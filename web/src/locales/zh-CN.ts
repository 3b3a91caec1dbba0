/** All words in Chinese, in one piece. */

import library from './library/zh-CN.json'
import network from './network/zh-CN.json'
import office from './office/zh-CN.json'
import pages from './zh-CN.json'
import supervision from './supervision/zh-CN.json'

/** Five files: the organizer's page, the library and the course network have words enough for one of their own. */
export const catalogue = { ...pages, ...library, ...network, ...office, ...supervision }
export { default as ofComponents } from 'element-plus/es/locale/lang/zh-cn'
