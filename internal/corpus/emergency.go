package corpus

import (
	"slices"
	"strings"

	"troly/internal/vietnamese"
)

// EmergencyKind tells what comes first in the answer.
type EmergencyKind string

// The kinds of emergencies.
const (
	Urgent EmergencyKind = "emergency" // somebody is in danger now: the hotline first
	Scam   EmergencyKind = "scam"      // somebody is being cheated: the warning first
)

// Emergencies is what the assistant recognises before everything else: danger and
// fraud.
type Emergencies struct {
	Unless  []string    `yaml:"unless" json:"unless,omitempty"` // phrases of questions about papers and rules, for all matters
	Matters []Emergency `yaml:"matters" json:"matters,omitempty"`
}

// Emergency is one kind of danger or fraud: how people say it and what to answer.
// The phrases are patterns of vietnamese.NewPatterns.
type Emergency struct {
	ID       string        `yaml:"id" json:"id"`
	Kind     EmergencyKind `yaml:"kind" json:"kind"`
	Title    string        `yaml:"title" json:"title"`
	Certain  []string      `yaml:"certain" json:"certain,omitempty"`   // whatever else the question says
	Said     []string      `yaml:"said" json:"said,omitempty"`         // unless a phrase of Unless, here or for all, is there
	Alone    []string      `yaml:"alone" json:"alone,omitempty"`       // when the question holds hardly anything else
	Unless   []string      `yaml:"unless" json:"unless,omitempty"`     // what makes it another matter
	Asked    []string      `yaml:"asked" json:"asked,omitempty"`       // whole sentences to learn from, for what the phrases miss
	Say      string        `yaml:"say" json:"say,omitempty"`           // a scam's warning; a word to somebody in danger
	Contacts []string      `yaml:"contacts" json:"contacts,omitempty"` // IDs of verified contacts, the one to call first before the others
	Also     []string      `yaml:"also" json:"also,omitempty"`         // further contacts, printed last and marked when unverified
	Steps    []Step        `yaml:"steps" json:"steps,omitempty"`
	Read     []string      `yaml:"read" json:"read,omitempty"` // documents for afterwards
	Sources  []Source      `yaml:"sources" json:"sources,omitempty"`
}

// Step is one thing to do now.
type Step struct {
	Do   string `yaml:"do" json:"do"`
	From string `yaml:"from" json:"from,omitempty"` // document/section it is taken from
}

// Origin is the document and section a step is taken from; ok is false when it
// names none.
func (s Step) Origin() (document, section string, ok bool) { return strings.Cut(s.From, "/") }

// outsideID is the ID of the outside matter that stands for an emergency.
const outsideID = "khan-cap-"

// asOutside makes each emergency a matter that is recognised by its asked sentences,
// beside being recognised by its phrases.
func (e Emergencies) asOutside() []Outside {
	var matters []Outside
	for _, m := range e.Matters {
		if len(m.Asked) > 0 {
			matters = append(matters, Outside{ID: outsideID + m.ID, Kind: InDanger, Title: m.Title, Asked: m.Asked})
		}
	}
	return matters
}

// addEmergencies makes the emergencies outside matters, instead of those that were.
func (l *Library) addEmergencies() {
	l.Outside = slices.DeleteFunc(l.Outside, func(o Outside) bool { return o.Kind == InDanger && strings.HasPrefix(o.ID, outsideID) })
	l.Outside = append(l.Outside, l.Emergencies.asOutside()...)
}

// EmergencyOf returns the emergency that an outside matter stands for.
func (l *Library) EmergencyOf(o Outside) (*Emergency, bool) {
	id, ok := strings.CutPrefix(o.ID, outsideID)
	i := slices.IndexFunc(l.Emergencies.Matters, func(m Emergency) bool { return m.ID == id })
	if !ok || i < 0 {
		return nil, false
	}
	return &l.Emergencies.Matters[i], true
}

// HotlineDocument is the document, and its section, that holds the hotlines: the
// source of the numbers an emergency's answer begins with.
const (
	HotlineDocument = "duong-day-nong-lien-he"
	HotlineSection  = "so-khan-cap"
)

// Bounds of an emergency: steps are what somebody in fear can take in.
const (
	minSteps = 2
	maxSteps = 4
	minTold  = 6 // whole sentences: fewer teach nothing
)

// lintEmergencies checks that every matter can be recognised and answered.
func (l *Library) lintEmergencies(report report) {
	whole := func(format string, args ...any) { report("", format, args...) }
	if len(l.Emergencies.Matters) == 0 {
		if len(l.Contacts) > 0 { // else there are only documents, as while one is being written
			whole("no matters: without them nobody in danger is given a number to call; copy the file that came with the program")
		}
		return
	}
	lintPatterns("unless", l.Emergencies.Unless, true, whole)
	if d := l.Document(HotlineDocument); d == nil || d.Section(HotlineSection) == nil {
		whole("document %s with section %s is missing: the hotlines are cited from there", HotlineDocument, HotlineSection)
	}
	seen := make(map[string]bool)
	for i := range l.Emergencies.Matters {
		e := &l.Emergencies.Matters[i]
		if !idPattern.MatchString(e.ID) || seen[e.ID] {
			report(e.ID, "id %q is not kebab-case or there twice", e.ID)
		}
		seen[e.ID] = true
		l.lintEmergency(e, func(format string, args ...any) { report(e.ID, e.ID+": "+format, args...) })
	}
}

func (l *Library) lintEmergency(e *Emergency, report func(format string, args ...any)) {
	if e.Kind != Urgent && e.Kind != Scam {
		report("kind %q: write emergency or scam", e.Kind)
	}
	if e.Title == "" || len(e.Certain)+len(e.Said) == 0 {
		report("no title, or neither certain nor said: write how people say it")
	}
	if e.Kind == Scam && e.Say == "" {
		report("say is missing: a scam's answer begins with a warning")
	}
	if len(e.Sources) == 0 {
		report("sources are missing: say where the advice comes from")
	}
	if len(e.Steps) < minSteps || len(e.Steps) > maxSteps {
		report("has %d steps: write %d to %d things to do now", len(e.Steps), minSteps, maxSteps)
	}
	if len(e.Asked) < minTold {
		report("asked has %d sentences: write at least %d, as people type them", len(e.Asked), minTold)
	}
	lintPatterns("certain", e.Certain, false, report)
	lintPatterns("said", e.Said, false, report)
	lintPatterns("alone", e.Alone, false, report)
	lintPatterns("unless", e.Unless, true, report)
	l.lintSteps(e, report)
	for _, id := range e.Read {
		if l.leadsNowhere(id) {
			report("read: no document %q", id)
		}
	}
	if len(e.Contacts) == 0 {
		report("contacts are missing: name whom to call")
	}
	for _, id := range slices.Concat(e.Contacts, e.Also) {
		c, ok := l.Contact(id)
		switch {
		case !ok:
			report("contact %q is not in contacts.yaml", id)
		case !c.Verified && slices.Contains(e.Contacts, id):
			report("contact %q is not verified: move it to also", id)
		}
	}
}

// lintSteps checks where the advice is from, and that it names no number or link
// that is not listed.
func (l *Library) lintSteps(e *Emergency, report func(format string, args ...any)) {
	text := e.Say
	for _, s := range e.Steps {
		text += "\n" + s.Do
		document, section, ok := s.Origin()
		switch d := l.Document(document); {
		case s.Do == "":
			report("a step says nothing")
		case !ok && (s.From != "" || e.Kind == Scam):
			report("step %q: write from: document/section", s.Do)
		case ok && (l.leadsNowhere(document) || d != nil && d.Section(section) == nil):
			report("step %q: no document %q with a section %q", s.Do, document, section)
		}
	}
	if unlisted := l.Unlisted(text); len(unlisted) > 0 {
		report("names %s, which is not in contacts.yaml", strings.Join(unlisted, ", "))
	}
}

// lintPatterns checks phrases one by one. Exceptions need two syllables: a single
// one occurs in too many questions and would silence an emergency.
func lintPatterns(field string, patterns []string, exceptions bool, report func(format string, args ...any)) {
	seen := make(map[string]bool)
	for _, p := range patterns {
		ps, err := vietnamese.NewPatterns([]string{p})
		switch {
		case err != nil:
			report("%s: %v", field, err)
		case seen[p]:
			report("%s: %q is there twice", field, p)
		case exceptions && ps.Words(0) < 2:
			report("%s: %q: an exception needs at least two words", field, p)
		}
		seen[p] = true
	}
}
