package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/trec"
)

// relevant is the lowest grade that counts as found: 1 is only related.
const relevant = 2

// Scorer measures outcomes against their cases by the knowledge they were answered
// from. Any number of goroutines may use it.
type Scorer struct {
	lib      *corpus.Library
	places   *passages
	contacts map[said]bool // numbers and addresses that are public
	standing []banned      // what no answer says, whatever was asked
	measures []trec.Measure
}

// NewScorer returns a scorer; standing statements are forbidden in every answer
// (see Standing).
func NewScorer(lib *corpus.Library, standing []Forbidden) *Scorer {
	s := &Scorer{lib: lib, places: newPassages(lib), contacts: make(map[said]bool), standing: prepare(standing)}
	for _, c := range lib.Contacts {
		for _, v := range read("gọi " + c.Phone + "\n" + c.URL + "\n" + c.Email).values {
			s.contacts[said{v.kind, v.canonical}] = true
		}
	}
	for _, name := range []string{"success", "recall", "precision", "ndcg", "judged", "hard_negative"} {
		for _, k := range cuts {
			s.measures = append(s.measures, mustMeasure(fmt.Sprintf("%s@%d", name, k)))
		}
	}
	s.measures = append(s.measures, mustMeasure("mrr"), mustMeasure("map"))
	return s
}

// mustMeasure parses a name that is written in this file.
func mustMeasure(name string) trec.Measure {
	m, err := trec.ParseMeasure(name)
	if err != nil {
		panic(err)
	}
	return m
}

// Score measures one outcome. answered says whether an answer was asked for, or only
// retrieval.
func (s *Scorer) Score(c *Case, o pipeline.Outcome, answered bool) Sample {
	sample := Sample{
		Set: c.Set, Case: c.ID, BaseID: c.BaseID, Variant: c.Variant, Intent: c.Intent, Collection: c.collection(s.lib),
		Audience: c.Audience, Difficulty: cmp.Or(c.Difficulty, "unrated"), Split: c.Split, Outcome: o,
	}
	if o.Error != "" || o.Status == pipeline.Failed {
		sample.Error = cmp.Or(o.Error, "the assistant failed")
		return sample
	}
	sc := newScores()
	sample.Metrics, sample.Unscored = sc.metrics, sc.unscored
	if err := s.retrieval(c, &sample, sc); err != nil {
		sample.Error, sample.Metrics, sample.Unscored = err.Error(), nil, nil
		return sample
	}
	if !answered {
		sc.none("stage_not_run", familyFacts, "grounding", familyCitations, familyDecision, familyForbidden, "privacy", familyForm, familyOverall)
		return sample
	}
	(&judgement{Scorer: s, c: c, sample: &sample, scores: sc}).answer()
	return sample
}

// retrieval measures the ranking, by document and by section.
func (s *Scorer) retrieval(c *Case, sample *Sample, sc scores) error {
	if len(c.ExpectedDocs) == 0 {
		sc.none("no_expected_docs", familyRetrieval, familySection)
		return nil
	}
	documents, sections := make(map[string]int), make(map[string]int)
	for _, d := range c.ExpectedDocs {
		documents[d.Doc] = max(documents[d.Doc], d.Grade)
		if d.Section != "" {
			sections[d.Doc+"/"+d.Section] = d.Grade
		}
	}
	if len(sections) == 0 {
		sections = c.quotedSections(documents)
	}
	byDocument := make([]trec.Result, len(sample.Retrieved))
	bySection := make([]trec.Result, len(sample.Retrieved))
	for i, r := range sample.Retrieved {
		byDocument[i] = trec.Result{Document: r.Document, Score: r.Score}
		bySection[i] = trec.Result{Document: r.Document + "/" + r.Section, Score: r.Score}
	}
	byDocument, sample.Collapsed = collapse(byDocument)
	bySection, _ = collapse(bySection)
	if err := s.rank("", familyRetrieval, documents, byDocument, sc); err != nil {
		return err
	}
	if len(sections) == 0 {
		sc.none("no_expected_sections", familySection)
		return nil
	}
	return s.rank("section_", familySection, sections, bySection, sc)
}

// quotedSections are the sections that the evidence of key facts quotes, graded as
// their documents are: the gold for sections when the case names none itself.
func (c *Case) quotedSections(documents map[string]int) map[string]int {
	sections := make(map[string]int)
	for _, f := range c.facts() {
		for _, e := range f.Evidence {
			if grade, expected := documents[e.Doc]; expected && e.Section != "" {
				sections[e.Doc+"/"+e.Section] = grade
			}
		}
	}
	return sections
}

// collapse keeps the best result of each document and counts the others.
func collapse(results []trec.Result) (kept []trec.Result, collapsed int) {
	best := make(map[string]int)
	for _, r := range results {
		at, seen := best[r.Document]
		switch {
		case !seen:
			best[r.Document] = len(kept)
			kept = append(kept, r)
		case r.Score > kept[at].Score:
			kept[at] = r
			collapsed++
		default:
			collapsed++
		}
	}
	return kept, collapsed
}

// rank measures one ranking by trec_eval's rules.
func (s *Scorer) rank(prefix, family string, grades map[string]int, results []trec.Result, sc scores) error {
	ranking, err := trec.Order(results)
	if err != nil {
		return fmt.Errorf("ranking: %w", err)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(grades)), func(g int) bool { return g >= relevant }) {
		sc.none("no_relevant_document", family)
		return nil
	}
	hard := slices.Contains(slices.Collect(maps.Values(grades)), 0)
	for i, m := range s.measures {
		name := prefix + m.String()
		if m.String() == "map" {
			name = prefix + "ap"
		}
		switch kind := i / len(cuts); {
		case kind == 4 && len(ranking) == 0:
			sc.none("nothing_retrieved", name)
		case kind == 5 && !hard:
			sc.none("no_hard_negative", name)
		case kind == 5 && len(ranking) == 0:
			sc.set(name, 0)
		default:
			v := m.Of(ranking, grades, relevant)
			if math.IsNaN(v) {
				return fmt.Errorf("%s is no number", name)
			}
			sc.set(name, v)
		}
	}
	return nil
}
