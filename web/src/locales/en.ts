/** All words in English, in one piece. */

import library from './library/en.json'
import office from './office/en.json'
import pages from './en.json'

/** Three files: the organizer's page and the library have words enough for one of their own. */
export const catalogue = { ...pages, ...library, ...office }
export { default as ofComponents } from 'element-plus/es/locale/lang/en'
