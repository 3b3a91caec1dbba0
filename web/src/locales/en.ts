/** All words in English, in one piece. */

import library from './library/en.json'
import network from './network/en.json'
import office from './office/en.json'
import pages from './en.json'
import supervision from './supervision/en.json'

/** Five files: the organizer's page, the library and the course network have words enough for one of their own. */
export const catalogue = { ...pages, ...library, ...network, ...office, ...supervision }
export { default as ofComponents } from 'element-plus/es/locale/lang/en'
