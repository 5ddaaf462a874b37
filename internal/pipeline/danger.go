package pipeline

import (
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/retrieval"
	"troly/internal/vietnamese"
)

// When a question that no phrase recognises is an emergency all the same, by the
// sentences that the classifier learned from; chosen on eval/sets, where a needless
// hotline costs less than a missing one.
const (
	dangerLeast = 0.08 // probability of all emergencies together
	dangerShare = 1.0  // and their share of the best other document's
	plainLeast  = 0.05 // probability from which they may be plain
	plainShare  = 2.5  // and are, by their share; few words are no call for help otherwise
	dangerHint  = 0.04 // from which a declined question is told the numbers anyway,
	hintShare   = 0.25 // and its share of the best other document's
	minSentence = 4    // words: shorter ones are left to the phrases

	plainly = 0.3 // probability from which a fraud is one, whatever it says of papers and fees: cheats do
	twice   = 2.0 // and its share of the best other document's

	toldLeast  = 0.5  // probability from which a question only tells of the asker's family and says no matter
	tellsLeast = 0.25 // likewise, when nothing is asked for and no paper named
	toldMost   = 8    // words: longer ones say more than that
)

// danger is what retrieval says of emergencies in a question.
type danger struct {
	likeliest   *corpus.Emergency
	probability float64 // of all emergencies together
	other       float64 // of the best other document
}

// dangerIn separates the emergencies from what else was found: unlikely ones must
// neither be answered nor get in the way. "Chồng em đi làm xa" has words that, but for
// what people tell of quiet days, only calls for help have.
func (a *Assistant) dangerIn(q *understanding, found retrieval.Result) (retrieval.Result, danger) {
	var d danger
	best := 0.0
	least := toldLeast
	if len(q.facets) == 0 && !q.yesNo && len(q.named) == 0 {
		least = tellsLeast
	}
	long := len(vietnamese.Tokenize(nil, q.text)) > toldMost
	found.Documents = slices.DeleteFunc(slices.Clone(found.Documents), func(doc retrieval.Document) bool {
		o, _ := a.lib.AsOutside(doc.ID)
		e, ok := a.lib.EmergencyOf(o)
		switch {
		case o.Kind == corpus.Told && long:
			return true
		case !ok:
			d.other = max(d.other, doc.Probability)
			return o.Kind == corpus.Told && doc.Probability < least
		}
		d.probability += doc.Probability
		if doc.Probability > best {
			d.likeliest, best = e, doc.Probability
		}
		return true
	})
	if q.followUp && !long {
		return found, danger{other: d.other} // a few words on what is spoken of: "cần cháu đi không"
	}
	return found, d
}

// withLesson puts the lesson that a likely emergency is taken from first: a question
// about a fraud that is no call for help is about the lesson, from which the
// emergency drew the classifier away.
func withLesson(found retrieval.Result, d danger) retrieval.Result {
	if d.likeliest == nil || d.probability < dangerLeast || d.probability < d.other {
		return found
	}
	lesson := firstDocument(d.likeliest)
	if i := slices.IndexFunc(found.Documents, func(doc retrieval.Document) bool { return doc.ID == lesson }); i > 0 {
		found.Documents = slices.Concat(found.Documents[i:i+1], found.Documents[:i], found.Documents[i+1:])
	}
	return found
}

// clear reports whether a question is to be answered as the emergency.
func (d danger) clear(q *understanding) bool {
	words := vietnamese.Tokenize(nil, q.text)
	if d.likeliest == nil || len(words) < minSentence || q.kind == harmful || q.kind == instruction || slices.Contains(q.signs.excepted, d.likeliest.ID) {
		return false
	}
	if q.signs.papers {
		return d.likeliest.Kind == corpus.Scam && d.probability >= plainly && d.probability >= twice*d.other
	}
	if d.probability >= plainLeast && d.probability >= plainShare*d.other {
		return true
	}
	return len(words) > toldMost && d.probability >= dangerLeast && d.probability >= dangerShare*d.other
}

// callsForHelp reports whether a question is to be answered as an emergency.
func (a *Assistant) callsForHelp(q *understanding, found retrieval.Result) bool {
	_, d := a.dangerIn(q, found)
	return d.clear(q)
}

// warn adds the hotlines to a question that was declined but might tell of danger.
func (a *Assistant) warn(out *Outcome, d danger) {
	if d.probability < dangerHint || d.probability < hintShare*d.other || out.Status != Abstained && out.Status != Refused {
		return
	}
	var names []string
	for _, id := range []string{"113", "114", "115"} {
		if c, ok := a.lib.Contact(id); ok && c.Verified {
			names = append(names, c.Reachable()+" ("+c.Name+")")
		}
	}
	if len(names) > 0 {
		out.Answer += "\nNếu đang có người gặp nguy hiểm, gọi ngay " + strings.Join(names, ", ") + "."
	}
}
