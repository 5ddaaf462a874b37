// Package knowledge holds what the assistant knows, as files that a civil
// servant can edit: procedure guides, digital-skills lessons, local matters, the
// glossary, the contacts, the emergencies and the table of old and new communes. It only embeds them; package
// corpus reads them.
package knowledge

import "embed"

// FS is the knowledge the binary was built with. TROLY_KNOWLEDGE_DIR replaces it.
//
//go:embed procedures skills local glossary.yaml contacts.yaml emergencies.yaml outside.yaml units.json
var FS embed.FS
