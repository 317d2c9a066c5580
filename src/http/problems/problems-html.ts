import { problemKinds } from './problem-kinds.ts'

/** One section for each problem. Its fragment identifier is the slug. */
export const problemSections = () =>
  Object.entries(problemKinds)
    .map(
      ([slug, { status, title, meaning, remedy }]) => `<section id="${slug}">
<h2><a href="#${slug}"><code>${slug}</code></a> ${status}: ${marked(title)}</h2>
<p>${marked(meaning)}</p>
<p><strong>${marked(remedy)}</strong></p>
</section>
`
    )
    .join('')

/** The page at /docs/problems. It needs no script. */
export const problemsHtml = () => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Problems - sms-login</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/problems.css">
<h1>Problems</h1>
<p>What each failure means, and what the caller should do next. Programs match on the last path
segment of <code>type</code>, which is stable. <a href="/docs">All endpoints</a></p>
${problemSections()}</html>
`

/** Styles the problems below the endpoints. Swagger UI styles the rest of that page. */
export const viewerStyle = `:root { color-scheme: light dark }
html { background: Canvas }
#problems { max-width: 1460px; margin: 0 auto; padding: 0 20px 2rem }
#problems { color: CanvasText; font: 1rem/1.5 system-ui, sans-serif }
#problems h2 { font-size: 1.1rem; margin-top: 1.5rem }
#problems a { color: LinkText }
`

export const problemsStyle = `:root { color-scheme: light dark }
:root { font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1.1rem; margin-top: 2rem }
section { padding: 0 1rem; scroll-margin-top: 1rem }
section:target { outline: 2px solid }
`

/** Converts a sentence with code in backticks to HTML. */
const marked = (sentence: string) =>
  sentence
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
