package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vietnamese"
)

// scoredLine is one line of a document and how much of the question it holds.
type scoredLine struct {
	section string
	text    string
	score   float64
}

// Floors of word overlap, as shares of the question's own (weighted) words, and of
// the best line's. Chosen on eval/sets: lower ones print more noise than facts.
const (
	relatedFloor = 0.10
	relatedShare = 0.45
	sureLine     = 0.30 // a line that answers without the summary
	rowFloor     = 0.15
)

// queryWords are the telling words of a question with their weights: rare words
// weigh more, the words of the document's own title nothing, because every line
// of the document is about them.
type queryWords struct {
	weights map[string]float64
	total   float64
}

func (a *Assistant) queryWords(q *understanding, doc *corpus.Document) queryWords {
	title := make(map[string]bool)
	for _, t := range vietnamese.Tokenize(nil, doc.Title) {
		title[t.Folded] = true
	}
	return a.weigh(q, title)
}

// synonymShare is what an official word counts beside the folk word that was typed.
const synonymShare = 0.6

// weigh weighs the telling words of a question that are not in without, and the
// pairs of them that stand together: neighbours are the better evidence.
func (a *Assistant) weigh(q *understanding, without map[string]bool) queryWords {
	w := queryWords{weights: make(map[string]float64)}
	previous := ""
	for _, t := range q.content {
		if without[t.Folded] {
			previous = ""
			continue
		}
		word := q.form(t)
		weight := a.idf(word)
		w.add(word, weight)
		w.total += weight
		if previous != "" {
			w.add(previous+" "+word, (weight+1)/2)
			w.total += (weight + 1) / 2
		}
		previous = word
	}
	// Official words for the folk words count in full and are not missed when absent.
	for _, phrase := range q.query.Synonyms {
		previous = ""
		for _, t := range vietnamese.Tokenize(nil, phrase) {
			if word := q.form(t); !without[t.Folded] {
				w.add(word, synonymShare*a.idf(word))
				if previous != "" {
					w.add(previous+" "+word, synonymShare*(a.idf(word)+1)/2)
				}
				previous = word
			}
		}
	}
	return w
}

func (w *queryWords) add(word string, weight float64) {
	w.weights[word] = max(w.weights[word], weight)
}

// overlap is the share of the question's words, by weight, that text holds.
func (w *queryWords) overlap(q *understanding, text string) float64 {
	if w.total == 0 {
		return 0
	}
	var sum float64
	seen := make(map[string]bool)
	take := func(word string) {
		if !seen[word] {
			seen[word] = true
			sum += w.weights[word]
		}
	}
	previous := ""
	for _, t := range vietnamese.Tokenize(nil, text) {
		word := q.form(t)
		take(word)
		if previous != "" {
			take(previous + " " + word)
		}
		previous = word
	}
	return sum / w.total
}

// related returns the lines of a document that hold the question's words, best
// first; ties keep the document's order.
func (a *Assistant) related(q *understanding, doc *corpus.Document, passages []corpus.Section) []scoredLine {
	words := a.queryWords(q, doc)
	var lines []scoredLine
	for _, p := range passages {
		if p.ID == "tom-tat" || p.ID == "can-cu" {
			continue
		}
		for line := range strings.Lines(body(doc, p.ID)) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			if score := words.overlap(q, line); score >= relatedFloor {
				lines = append(lines, scoredLine{p.ID, line, score})
			}
		}
		for _, f := range corpus.ValidOn(doc.FactsOf(p.ID), q.asOf) {
			line := "- " + a.lib.Line(doc, &f, q.asOf)
			if score := words.overlap(q, line); score >= relatedFloor {
				lines = append(lines, scoredLine{p.ID, line, score})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b scoredLine) int { return cmp.Compare(b.score, a.score) })
	return slices.DeleteFunc(lines, func(l scoredLine) bool { return l.score < relatedShare*lines[0].score })
}

// chooseRows puts the rows whose case the question names first and, when some
// clearly fit, leaves the others out.
func (a *Assistant) chooseRows(q *understanding, doc *corpus.Document, rows []corpus.Fact) []corpus.Fact {
	if len(rows) < 2 {
		return rows
	}
	words := a.queryWords(q, doc)
	type scored struct {
		row   corpus.Fact
		score float64
	}
	all := make([]scored, len(rows))
	best := 0.0
	for i, r := range rows {
		all[i] = scored{r, words.overlap(q, r.For+" "+r.Condition.Words()+" "+r.Note)}
		best = max(best, all[i].score)
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	chosen := make([]corpus.Fact, 0, len(rows))
	for _, s := range all {
		if best >= rowFloor && s.score < best/2 && len(chosen) >= maxRows/2 && len(all) > maxRows {
			break // a long table: the rows of other cases are left out
		}
		chosen = append(chosen, s.row)
	}
	return chosen
}
