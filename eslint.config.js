import js from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist', 'data', '.tap', 'src/adapters/prisma', 'examples/openapi.d.ts'] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-throw-literal': 'error',
      // The type check knows which names exist, in Node.js and in a browser (tsconfig.page.json).
      'no-undef': 'off',
      'no-empty-pattern': 'off'
    }
  },
  {
    files: ['**/*.ts', '**/*.cts'],
    extends: [tseslint.configs.base],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      // A promise that is not awaited hides its failure.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          // A subtest's parent waits for it.
          allowForKnownSafePromises: [
            { from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' }
          ]
        }
      ],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // The compiler checks this, and knows types from values.
      'no-unused-vars': 'off',
      'no-redeclare': 'off'
    }
  },
  { rules: { 'max-len': ['error', { code: 100, ignoreUrls: true }] } },
  // The name of a test is one sentence, and an expectation one expression.
  {
    files: ['test/**'],
    rules: {
      'max-len': [
        'error',
        {
          code: 100,
          ignoreUrls: true,
          ignoreRegExpLiterals: true,
          ignorePattern: String.raw`^\s*(t\.test\()?['"\x60]`
        }
      ]
    }
  },
  // In a test a TypeError fails as visibly as an assertion.
  { files: ['test/**'], rules: { 'no-unsafe-optional-chaining': 'off' } }
)
