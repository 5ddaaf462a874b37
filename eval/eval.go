// Package eval holds the questions the assistant is measured on, and the gates it
// must pass, as files. It only embeds them; package evaluation reads them.
package eval

import "embed"

// FS holds sets/*.jsonl (one case a line) and gates.json.
//
//go:embed sets gates.json
var FS embed.FS
