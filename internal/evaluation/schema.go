package evaluation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
)

// The closed lists of the schema.
var (
	variantNames   = []string{string(Plain), string(NoDiacritics), string(Teencode), string(Typo), string(Telex), string(OldPlaceName), string(Mixed), string(VoiceLike)}
	intentNames    = []string{"procedure", "fee", "deadline", "documents", "place_authority", "online_filing", "digital_skills", "ai_skills", "smalltalk", "out_of_scope", "harmful", "pii", "emergency", "scam", "handoff"}
	refusalKinds   = []string{"out_of_scope", "no_source", "harmful", "legal_advice", "personal_data"}
	forbiddenKinds = []string{"stale_authority", "stale_place", "wrong_fee", "wrong_deadline", "invented_url", "invented_phone", "legal_guarantee", "pii_echo", "other"}
)

var (
	caseID = regexp.MustCompile(`^[a-z0-9._-]+$`)
	isDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

// validate returns what the schema alone says against a case.
func (c *Case) validate() []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	oneOf := func(field, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			report("%s %q: write one of %s", field, value, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
		}
	}
	if c.SchemaVersion != 1 {
		report("schema_version is %d: this program reads 1", c.SchemaVersion)
	}
	if !caseID.MatchString(c.ID) || !caseID.MatchString(c.BaseID) {
		report("id and base_id are small letters, digits, dots, dashes and underscores")
	}
	oneOf("variant", string(c.Variant), variantNames...)
	if (c.Variant == Plain) != (c.BaseID == c.ID) {
		report("base_id is the id of the plain case, and only of that")
	}
	oneOf("variant_origin", c.VariantOrigin, "", "human", "rule", "llm")
	oneOf("audience", c.Audience, "resident", "civil_servant")
	oneOf("channel", c.Channel, "telegram", "zalo", "web", "cli")
	oneOf("intent", c.Intent, intentNames...)
	oneOf("split", c.Split, "dev", "test", "canary")
	oneOf("difficulty", c.Difficulty, "", "easy", "medium", "hard")
	if c.MustRefuse {
		oneOf("refusal_kind", c.RefusalKind, refusalKinds...)
	} else if c.RefusalKind != "" {
		report("refusal_kind without must_refuse")
	}
	if c.Weight < 0 {
		report("weight is below 0")
	}
	if c.Source != nil {
		oneOf("source.kind", c.Source.Kind, "authored", "production", "synthetic")
	}
	c.validateText(report)
	c.validateDates(report)
	c.validateGold(report, oneOf)
	return problems
}

// validateText checks that what is typed is NFC and holds nothing invisible.
func (c *Case) validateText(report func(string, ...any)) {
	check := func(field, text string) {
		switch {
		case strings.TrimSpace(text) == "":
			report("%s is empty", field)
		case !norm.NFC.IsNormalString(text):
			report("%s is not in Unicode form NFC", field)
		case strings.ContainsFunc(text, invisible):
			report("%s holds a control or zero-width character", field)
		}
	}
	check("question", c.Question)
	for i, m := range c.History {
		check(fmt.Sprintf("history %d", i+1), m.Text)
		if m.Role != "user" && m.Role != "assistant" {
			report("history %d: role %q: write user or assistant", i+1, m.Role)
		}
	}
	if len(c.History) > 0 && c.History[0].Role == "assistant" {
		report("history begins with the assistant")
	}
}

func invisible(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }

func (c *Case) validateDates(report func(string, ...any)) {
	dates := map[string]corpus.Date{"valid_from": c.ValidFrom, "valid_to": c.ValidTo}
	for i := range c.KeyFacts {
		f := &c.KeyFacts[i]
		dates["fact "+f.ID+" valid_from"], dates["fact "+f.ID+" valid_to"] = f.ValidFrom, f.ValidTo
	}
	for field, day := range dates {
		if day != "" && !isDate.MatchString(string(day)) {
			report("%s %q: write YYYY-MM-DD", field, day)
		}
	}
	if !isDate.MatchString(string(c.AsOf)) {
		report("as_of %q: write the day the question is asked on, YYYY-MM-DD", c.AsOf)
	}
	if c.ValidFrom != "" && c.ValidTo != "" && c.ValidFrom > c.ValidTo {
		report("valid_from is after valid_to")
	}
}

// validateGold checks documents, facts and forbidden statements.
func (c *Case) validateGold(report func(string, ...any), oneOf func(string, string, ...string)) {
	graded := make(map[string]bool)
	for _, d := range c.ExpectedDocs {
		if d.Grade < 0 || d.Grade > 3 {
			report("expected document %s: grade is 0 to 3", d.Doc)
		}
		if key := d.Doc + "/" + d.Section; graded[key] {
			report("expected document %s %s is there twice", d.Doc, d.Section)
		} else {
			graded[key] = true
		}
	}
	ids := make(map[string]bool)
	for i := range c.KeyFacts {
		f := &c.KeyFacts[i]
		if f.ID == "" || ids[f.ID] {
			report("fact %d: id %q is empty or there twice", i+1, f.ID)
		}
		ids[f.ID] = true
		oneOf("fact "+f.ID+" importance", f.Importance, "vital", "okay")
		if _, err := newStatement(f); err != nil {
			report("fact %s: %v", f.ID, err)
		}
	}
	for i := range c.Forbidden {
		f := &c.Forbidden[i]
		if f.ID == "" || ids[f.ID] {
			report("forbidden %d: id %q is empty or there twice", i+1, f.ID)
		}
		ids[f.ID] = true
		oneOf("forbidden "+f.ID+" kind", f.Kind, forbiddenKinds...)
		oneOf("forbidden "+f.ID+" severity", f.Severity, "critical", "major", "minor")
		if _, err := f.statement(); err != nil {
			report("forbidden %s: %v", f.ID, err)
		}
	}
}
