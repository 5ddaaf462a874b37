// Package eval holds the questions the assistant is measured on, and the gates it
// must pass, as files. It only embeds them; package evaluation reads them.
package eval

import "embed"

// FS holds sets/*.jsonl (one case a line), gates.json, forbidden.json (what no answer
// says), privacy.jsonl (texts with the personal data in them marked, and texts that only
// look like it), the baselines that gates compare with, and scorecard.html, the public page
// on how well the assistant answers.
//
//go:embed sets gates.json forbidden.json privacy.jsonl baselines scorecard.html
var FS embed.FS
