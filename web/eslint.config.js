import vueI18n from '@intlify/eslint-plugin-vue-i18n'
import prettier from 'eslint-config-prettier'
import vue from 'eslint-plugin-vue'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['node_modules', 'package-lock.json', 'src/protocol/messages.ts'] },
  ...tseslint.configs.strict,
  ...tseslint.configs.stylistic,
  ...vue.configs['flat/recommended'],
  ...vueI18n.configs.recommended,
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser, extraFileExtensions: ['.vue'] } },
  },
  {
    settings: {
      'vue-i18n': {
        localeDir: [
          { pattern: './src/locales/*.json', localeKey: 'file' },
          { pattern: './src/locales/courses/*.json', localeKey: 'file' },
          { pattern: './src/locales/library/*.json', localeKey: 'file' },
          { pattern: './src/locales/network/*.json', localeKey: 'file' },
          { pattern: './src/locales/office/*.json', localeKey: 'file' },
          { pattern: './src/locales/operations/*.json', localeKey: 'file' },
          { pattern: './src/locales/people/*.json', localeKey: 'file' },
          { pattern: './src/locales/supervision/*.json', localeKey: 'file' },
        ],
        messageSyntaxVersion: '^11.0.0',
      },
    },
    rules: {
      // Text for people comes from the catalogues; symbols that are no words may stand in a template.
      '@intlify/vue-i18n/no-raw-text': ['error', { ignorePattern: '^[\\s·:：|/()（）…!%→●○◐▣×-]+$' }],
      '@intlify/vue-i18n/no-missing-keys-in-other-locales': 'error',
      '@intlify/vue-i18n/no-unused-keys': 'off',
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/no-v-html': 'error',
      'vue/no-undef-components': ['error', { ignorePatterns: ['RouterLink', 'RouterView'] }],
    },
  },
  { files: ['tests/**'], rules: { 'max-lines-per-function': 'off' } },
  prettier,
)
