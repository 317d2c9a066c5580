import { problemKinds } from './problem-kinds.ts'

/** A page with an entry for each problem, at the fragment that is its name. It has no script. */
export const problemsPage = () => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Problems - sms-login</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/problems.css">
<h1>Problems</h1>
<p>What each failure means, and what the caller should do next. Programs go by the last part of <code>type</code>, which stays the
same. <a href="/docs">All calls</a></p>
${Object.entries(problemKinds).map(([slug, { status, title, meaning, remedy }]) => `<section id="${slug}">
<h2><a href="#${slug}"><code>${slug}</code></a> ${status}: ${marked(title)}</h2>
<p>${marked(meaning)}</p>
<p><strong>${marked(remedy)}</strong></p>
</section>
`).join('')}</html>
`

export const problemsStyle = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1.1rem; margin-top: 2rem }
section { padding: 0 1rem; scroll-margin-top: 1rem }
section:target { outline: 2px solid }
`

/** HTML of a sentence with code in backticks. */
const marked = (sentence: string) =>
  sentence.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(/`([^`]+)`/g, '<code>$1</code>')
