package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"troly/internal/corpus"
)

// askWhich asks which of several places of one name is meant.
func (a *Assistant) askWhich(out *Outcome, n namedPlace) {
	var b strings.Builder
	switch {
	case sameFormer(n.can):
		fmt.Fprintf(&b, "%s (%s cũ) được ghi ở hai nơi, chưa xác minh được nơi nào đúng. Thôn của bạn nay về đâu? Chưa rõ thì hỏi UBND một trong hai nơi này.", n.can[0].Former.Name, corpus.Running(n.can[0].Former.District))
	case sameName(n.can):
		fmt.Fprintf(&b, "Có %d nơi cũ cùng tên %s. Bạn hỏi nơi nào?", len(n.can), corpus.ShortName(n.can[0].Former.Name))
	default:
		fmt.Fprintf(&b, "Có %d nơi cũ tên gần giống nhau. Bạn hỏi nơi nào?", len(n.can))
	}
	for i, p := range n.can {
		choice := fmt.Sprintf("%s, %s cũ", p.Former.Name, corpus.Running(p.Former.District))
		now := corpus.Running(p.Commune.Name)
		if !p.Former.Confirmed {
			now += ", chưa xác minh"
		}
		if sameFormer(n.can) {
			choice = p.Commune.Name
			fmt.Fprintf(&b, "\n%d. %s", i+1, choice)
		} else {
			fmt.Fprintf(&b, "\n%d. %s (nay là %s)", i+1, choice, now)
		}
		out.Suggestions = append(out.Suggestions, choice)
		out.Choices = append(out.Choices, placeID(p))
	}
	out.Status, out.Answer = Clarify, b.String()
}

// sameFormer reports whether the candidates are one former commune that the sources
// put into different present ones.
func sameFormer(can []corpus.Place) bool {
	return !slices.ContainsFunc(can, func(p corpus.Place) bool {
		return p.Former.Name != can[0].Former.Name || p.Former.District != can[0].Former.District
	})
}

// sameName reports whether the candidates are called the same, marks included.
func sameName(can []corpus.Place) bool {
	return !slices.ContainsFunc(can, func(p corpus.Place) bool {
		return corpus.ShortName(p.Former.Name) != corpus.ShortName(can[0].Former.Name)
	})
}

// placeID names a candidate in Outcome.Choices: former commune and present code.
func placeID(p corpus.Place) string {
	return "don-vi-cu/" + corpus.Slug(p.Former.Name) + "/" + p.Commune.Code
}
