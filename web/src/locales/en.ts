/** All words in English, in one piece. */

import office from './office/en.json'
import pages from './en.json'

/** Two files: the organizer's page has words enough for one of its own. */
export const catalogue = { ...pages, ...office }
export { default as ofComponents } from 'element-plus/es/locale/lang/en'
