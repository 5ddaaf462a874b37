// Package eval holds the questions the assistant is measured on, and the gates it
// must pass, as files. It only embeds them; package evaluation reads them.
package eval

import "embed"

// FS holds sets/*.jsonl (one case a line), gates.json, forbidden.json (what no answer
// says) and the baselines that gates compare with.
//
//go:embed sets gates.json forbidden.json baselines
var FS embed.FS
