/** All words in Chinese, in one piece. */

import office from './office/zh-CN.json'
import pages from './zh-CN.json'

/** Two files: the organizer's page has words enough for one of its own. */
export const catalogue = { ...pages, ...office }
export { default as ofComponents } from 'element-plus/es/locale/lang/zh-cn'
