package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
)

// Standing reads forbidden.json: statements that no answer makes, whatever was
// asked, such as sending somebody to an office that was abolished.
func Standing(fsys fs.FS) ([]Forbidden, error) {
	data, err := fs.ReadFile(fsys, "forbidden.json")
	if err != nil {
		return nil, fmt.Errorf("read standing statements: %w", err)
	}
	var list []Forbidden
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("forbidden.json: %w", jsonError(err))
	}
	for _, f := range list {
		if _, err := f.statement(); err != nil {
			return nil, fmt.Errorf("forbidden.json: %s: %w", f.ID, err)
		}
	}
	return list, nil
}
