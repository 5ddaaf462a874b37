package pipeline

import (
	"context"
	"strings"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// placeFound answers from the table when what was found are the lists of communes
// and the question names some of them, in words that no cue covers.
func (a *Assistant) placeFound(ctx context.Context, out *Outcome, q *understanding, found retrieval.Result) bool {
	if len(found.Documents) == 0 || !strings.HasPrefix(found.Documents[0].ID, communesDocument) || q.places.asks != asksNothing {
		return false
	}
	p := a.placesIn(vietnamese.Normalize(a.withoutPersonalData(q.raw)), q, map[int]bool{int(asksWhere): true})
	if p.asks = byItself(p); p.asks != asksWhere {
		return false // the document itself lists what is in a district
	}
	q.places, out.Understood.OldUnits = p, p.names()
	return a.answerPlace(ctx, out, q)
}

// answerPlace answers a question about places from the table of units, or asks
// which of several places of one name is meant. It reports whether it did.
func (a *Assistant) answerPlace(ctx context.Context, out *Outcome, q *understanding) bool {
	if q.places.asks == asksNothing || q.kind != aQuestion && q.kind != offTopic {
		return false
	}
	if a.lib.Document(mergerDocument) == nil || a.onlyMentions(ctx, q) {
		return false // nothing to cite, or about something else
	}
	out.Understood.Intent = "place_authority"
	if q.places.asks == asksName {
		out.Status, out.Answer = Clarify, "Tôi chưa nhận ra tên xã, phường cũ trong câu hỏi. Bạn viết giúp tên xã cũ kèm huyện cũ, ví dụ: xã Đại Lịch, huyện Văn Chấn. Nếu bảng của tôi không có tên đó, bạn hỏi UBND xã, phường đang quản lý địa bàn."
		return true
	}
	d := newDraft(a.lib, q.asOf)
	if n, ok := q.places.ambiguous(); ok {
		a.askWhich(out, n)
		for _, p := range n.can {
			a.citeUnit(d, p.Commune)
		}
		out.Retrieved = citedSections(d)
		return true
	}
	a.tell(d, q.places)
	out.Retrieved, out.Suggestions = citedSections(d), append(out.Suggestions, a.placeSuggestions(q.places)...)
	a.check(out, q, d)
	return true
}

// onlyMentions reports whether a question that has words of asking about places is
// about something else all the same: without its places, it says much and a
// procedure fits it well. The places are then only where.
func (a *Assistant) onlyMentions(ctx context.Context, q *understanding) bool {
	text := a.withoutPlaces(q.text, q.accented)
	if len(a.retriever.Content(text)) < tellingWords {
		return false
	}
	found, err := a.retriever.Search(ctx, retrieval.Query{Text: text, Typed: text, Accented: q.accented, Audience: q.audience})
	if err != nil || len(found.Documents) == 0 {
		return false
	}
	best := found.Documents[0]
	doc := a.lib.Document(best.ID)
	local := doc != nil && doc.Kind == corpus.Local
	if local || best.Probability < leadsElsewhere && q.places.asks != asksDistrict {
		return false // "còn không" is said of much beside a district
	}
	q.places.asks, q.query.Text, q.query.Typed = asksNothing, text, text
	q.content = a.retriever.Content(text)
	return true
}

// When a question about places is about something else; see onlyMentions. Chosen on
// eval/sets/units.jsonl.
const (
	tellingWords   = 4
	leadsElsewhere = 0.5
)

// placeSuggestions are questions that go on from a place.
func (a *Assistant) placeSuggestions(p places) []string {
	var s []string
	if len(p.former) > 0 {
		now := p.former[0].can[0].Commune
		s = append(s, now.Name+" mới gồm những xã cũ nào?")
	}
	for _, id := range []string{"giay-to-cu-co-phai-doi", "cach-ghi-dia-chi-moi"} {
		if doc := a.lib.Document(id); doc != nil {
			s = append(s, doc.Title)
		}
	}
	return s
}
