package evaluation

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Rescore measures the kept outcomes of a run anew, against cases that may have
// changed since, and replaces its samples as a whole. A case that is no longer there
// keeps what was measured. It returns how many samples were scored and how many kept.
func (r *Run) Rescore(scorer *Scorer, cases map[string]*Case) (scored, kept int, err error) {
	name := r.file(samplesFile)
	f, err := os.Create(name + ".new")
	if err != nil {
		return 0, 0, fmt.Errorf("rescore: %w", err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for s, err := range r.Samples() {
		if err != nil {
			return 0, 0, fmt.Errorf("rescore: %w", err)
		}
		if c, ok := cases[s.Case]; ok && s.Error == "" {
			s = rescored(scorer, c, s)
			scored++
		} else {
			kept++
		}
		if err := enc.Encode(s); err != nil {
			return 0, 0, fmt.Errorf("rescore: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return 0, 0, fmt.Errorf("rescore: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, 0, fmt.Errorf("rescore: %w", err)
	}
	return scored, kept, os.Rename(name+".new", name)
}

// rescored is a sample measured anew; what was not asked then stays unmeasured.
func rescored(scorer *Scorer, c *Case, s *Sample) *Sample {
	made := scorer.Score(c, s.Outcome, s.Status != "")
	if s.Unscored[familyCitations] == "stage_not_run" {
		made.dropClaims()
	}
	made.Repeat, made.Key, made.Cached = s.Repeat, s.Key, s.Cached
	return &made
}
