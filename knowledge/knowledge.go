// Package knowledge holds what the assistant knows, as files that a civil
// servant can edit: procedure guides, digital-skills lessons, local matters, the
// glossary and the contacts. It only embeds them; package corpus reads them.
package knowledge

import "embed"

// FS is the knowledge the binary was built with. TROLY_KNOWLEDGE_DIR replaces it.
//
//go:embed procedures skills local glossary.yaml contacts.yaml outside.yaml
var FS embed.FS
