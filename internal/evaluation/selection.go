package evaluation

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"troly/internal/corpus"
)

// Selection picks cases to ask. The zero value takes all.
type Selection struct {
	Filters []Filter        // all must hold
	From    int             // of the plain cases that pass the filters, from 0
	To      int             // up to but without; 0: to the end
	Only    map[string]bool // IDs, variants included; nil: all
}

// Filter demands one of some values of a field.
type Filter struct {
	Field  string
	Values []string
}

var filterFields = []string{"id", "set", "intent", "audience", "channel", "split", "difficulty", "tag", "doc", "collection"}

// ParseFilter reads field=value or field=value,value; id may hold * and ?.
func ParseFilter(s string) (Filter, error) {
	field, values, ok := strings.Cut(s, "=")
	if !ok || values == "" || !slices.Contains(filterFields, field) {
		return Filter{}, fmt.Errorf("filter %q: write FIELD=VALUE with one of %s", s, strings.Join(filterFields, ", "))
	}
	return Filter{field, strings.Split(values, ",")}, nil
}

// ParseRange reads a:b, the first counted from 0 and the last left out; either may
// be missing.
func ParseRange(s string) (from, to int, err error) {
	a, b, ok := strings.Cut(s, ":")
	wrong := fmt.Errorf("range %q: write FROM:TO, for example 0:100 for the first hundred", s)
	if !ok {
		return 0, 0, wrong
	}
	for _, part := range []struct {
		text string
		into *int
	}{{a, &from}, {b, &to}} {
		if part.text == "" {
			continue
		}
		if *part.into, err = strconv.Atoi(part.text); err != nil || *part.into < 0 {
			return 0, 0, wrong
		}
	}
	if b != "" && to <= from {
		return 0, 0, wrong
	}
	return from, to, nil
}

func (f Filter) holds(c *Case, lib *corpus.Library) bool {
	var have []string
	switch f.Field {
	case "id":
		return slices.ContainsFunc(f.Values, func(pattern string) bool {
			ok, err := path.Match(pattern, c.BaseID)
			return err == nil && ok
		})
	case "set":
		have = []string{c.Set}
	case "intent":
		have = []string{c.Intent}
	case "audience":
		have = []string{c.Audience}
	case "channel":
		have = []string{c.Channel}
	case "split":
		have = []string{c.Split}
	case "difficulty":
		have = []string{c.Difficulty}
	case "tag":
		have = c.Tags
	case "doc":
		for _, d := range c.ExpectedDocs {
			have = append(have, d.Doc)
		}
	case "collection":
		have = []string{c.collection(lib)}
	}
	return slices.ContainsFunc(have, func(v string) bool { return slices.Contains(f.Values, v) })
}

// Bases applies filters and range to the cases of the sets; a variant goes with its
// plain case.
func (s Selection) Bases(cases []Case, lib *corpus.Library) []Case {
	position := make(map[string]int)
	n := 0
	var kept []Case
	for _, c := range cases {
		if slices.ContainsFunc(s.Filters, func(f Filter) bool { return !f.holds(&c, lib) }) {
			continue
		}
		if _, seen := position[c.BaseID]; !seen {
			position[c.BaseID] = n
			n++
		}
		if at := position[c.BaseID]; at >= s.From && (s.To == 0 || at < s.To) {
			kept = append(kept, c)
		}
	}
	return kept
}

// Asked applies Only to the cases with their variants.
func (s Selection) Asked(cases []Case) []Case {
	if s.Only == nil {
		return cases
	}
	return slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return !s.Only[c.ID] })
}

// Failing are the cases of a run that did not pass, or only those with an error.
func Failing(r *Run, errorsOnly bool) (map[string]bool, error) {
	set, err := readRows(r)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]bool)
	for i := range set.list {
		row := &set.list[i]
		pass, measured := set.value(row, Pass)
		if row.failed || !errorsOnly && measured && pass == 0 {
			ids[row.id] = true
		}
	}
	return ids, nil
}
