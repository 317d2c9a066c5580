import { Document, visit } from 'yaml'

/**
 * Writes YAML that means the same to parsers of version 1.1 (PyYAML, Ruby's Psych) and 1.2.
 * `compat` quotes timestamps and words such as `on`. The visitor quotes everything else that a
 * parser could take for a number, a symbol or an operator: strings that don't start with a letter.
 */
export function yamlText(value: object): string {
  const document = new Document(value, { compat: 'yaml-1.1', aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && /^(?![\p{L}/$]).*$/u.test(node.value))
        node.type = 'QUOTE_DOUBLE'
    }
  })
  return document.toString({ lineWidth: 86, blockQuote: 'literal' })
}
