package pipeline

import (
	"slices"

	"troly/internal/corpus"
	"troly/internal/retrieval"
)

// suggestions are questions that go on from the answer, each standing by itself.
func (a *Assistant) suggestions(q *understanding, doc *corpus.Document, others []retrieval.Document) []string {
	s := []string{}
	if doc.Kind == corpus.Procedure {
		for _, next := range []struct {
			facet Facet
			ask   string
		}{
			{Documents, "cần giấy tờ gì?"}, {Fee, "hết bao nhiêu tiền?"}, {Deadline, "mất bao lâu?"}, {Place, "nộp ở đâu?"}, {Online, "nộp trực tuyến thế nào?"},
		} {
			if len(s) < 2 && len(q.facets) > 0 && !slices.Contains(q.facets, next.facet) && a.has(doc, next.facet) {
				s = append(s, doc.Title+" "+next.ask)
			}
		}
	}
	for _, id := range doc.Related {
		if other := a.lib.Document(id); other != nil && len(s) < 3 {
			s = append(s, other.Title)
		}
	}
	for _, o := range others {
		if other := a.lib.Document(o.ID); other != nil && len(s) < 4 && !slices.Contains(s, other.Title) {
			s = append(s, other.Title)
		}
	}
	return s
}

// has reports whether a document can answer a facet.
func (a *Assistant) has(doc *corpus.Document, f Facet) bool {
	return slices.ContainsFunc(sections[f], func(id string) bool {
		return doc.Section(id) != nil || len(doc.FactsOf(id)) > 0 || id == "can-cu" && len(doc.LegalBasis) > 0
	})
}
