package corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Versions names the state of each document, by its ID: it changes with everything
// that is said to people, and not with how they ask for it or when it was last
// compared with its sources. An approved answer rests on documents in a state.
func (l *Library) Versions() map[string]string {
	versions := make(map[string]string, len(l.Documents))
	for _, d := range l.Documents {
		said := *d
		said.Aliases, said.Usual, said.Asked, said.Answers, said.Related, said.Checked = nil, nil, nil, nil, nil, ""
		said.Collection, said.File = "", ""
		said.Sections = slices.Clone(d.Sections)
		for i := range said.Sections {
			said.Sections[i].Line = 0
		}
		body, err := json.Marshal(said)
		if err != nil {
			continue // plain data: it cannot fail; without a version nothing rests on it
		}
		sum := sha256.Sum256(body)
		versions[d.ID] = hex.EncodeToString(sum[:8])
	}
	return versions
}
