package evaluation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"troly/internal/evaluation"
)

// lintCase is a case the small library has everything for.
func lintCase() evaluation.Case {
	c := feeCase()
	c.ExpectedDocs = c.ExpectedDocs[:1]
	c.KeyFacts = []evaluation.Fact{{ID: "f", Importance: "vital", Type: "money_vnd", Value: json.RawMessage("30000"), Evidence: []evaluation.Evidence{{Doc: "lam-the", Section: "le-phi", Quote: "Cấp lần đầu: 30.000 đồng"}}}}
	return c
}

func lint(t *testing.T, cases ...evaluation.Case) []evaluation.Problem {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n") // so that lines are not counted by cases
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	linter := evaluation.Linter{Lib: smallLibrary(t), Today: "2026-11-24"}
	problems, err := linter.Lint(evaluation.SetFile{FS: fstest.MapFS{"s.jsonl": {Data: []byte(b.String())}}, Name: "s.jsonl", Shown: "sets/s.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func TestLint(t *testing.T) {
	if problems := lint(t, lintCase()); len(problems) > 0 {
		t.Fatalf("a good case: %v", problems)
	}
	for _, tt := range []struct {
		name    string
		change  func(c *evaluation.Case)
		want    string
		warning bool
	}{
		{"unknown document", func(c *evaluation.Case) { c.ExpectedDocs[0].Doc = "khong-co" }, `expected document "khong-co" does not exist`, false},
		{"unknown section", func(c *evaluation.Case) { c.ExpectedDocs[0].Section = "khong-co" }, `no section "khong-co"`, false},
		{"only related", func(c *evaluation.Case) { c.ExpectedDocs[0].Grade = 1 }, "no expected document of grade 2 or 3", false},
		{"grade", func(c *evaluation.Case) { c.ExpectedDocs[0].Grade = 4 }, "grade is 0 to 3", false},
		{"negative grade", func(c *evaluation.Case) { c.ExpectedDocs[0].Grade = -1 }, "grade is 0 to 3", false},
		{"useless documents only", func(c *evaluation.Case) { c.ExpectedDocs[0].Grade = 0 }, "no expected document of grade 2 or 3", false},
		{"no expected document", func(c *evaluation.Case) { c.ExpectedDocs = nil }, "no expected document of grade 2 or 3", false},
		{"quote", func(c *evaluation.Case) { c.KeyFacts[0].Evidence[0].Quote = "Cấp lần đầu: 40.000 đồng" }, "does not say", false},
		{"quote elsewhere", func(c *evaluation.Case) { c.KeyFacts[0].Evidence[0].Section = "tom-tat" }, "it stands in section le-phi", false},
		{"matcher", func(c *evaluation.Case) { c.KeyFacts[0].Value = json.RawMessage("40000") }, "its own matcher does not find it", false},
		{"no evidence", func(c *evaluation.Case) { c.KeyFacts[0].Evidence = nil }, "has no evidence", true},
		{"not findable", func(c *evaluation.Case) {
			c.KeyFacts[0].Evidence, c.KeyFacts[0].Value = nil, json.RawMessage("7")
		}, "no expected document says it", false},
		{"fact type", func(c *evaluation.Case) { c.KeyFacts[0].Type = "price" }, `unknown type "price"`, false},
		{"fact value", func(c *evaluation.Case) {
			c.KeyFacts[0].Type, c.KeyFacts[0].Value = "date", json.RawMessage(`"1/7/2025"`)
		}, "is no date", false},
		{"forbidden kind", func(c *evaluation.Case) { c.Forbidden[0].Kind = "bad" }, `kind "bad"`, false},
		{"NFD", func(c *evaluation.Case) { c.Question = norm.NFD.String(c.Question) }, "Unicode form NFC", false},
		{"zero width", func(c *evaluation.Case) { c.Question += "\u200b" }, "zero-width", false},
		{"id", func(c *evaluation.Case) { c.ID = "Fee" }, "small letters", false},
		{"intent", func(c *evaluation.Case) { c.Intent = "price" }, `intent "price"`, false},
		{"split", func(c *evaluation.Case) { c.Split = "" }, `split ""`, false},
		{"refusal kind", func(c *evaluation.Case) { c.MustRefuse = true }, "refusal_kind", false},
		{"expired", func(c *evaluation.Case) { c.ValidTo = "2026-01-01" }, "expired", true},
		{"expired since", func(c *evaluation.Case) { c.AsOf, c.ValidTo = "2026-10-01", "2026-11-01" }, "has passed", true},
		{"dates", func(c *evaluation.Case) { c.AsOf = "24/11/2026" }, "as_of", false},
		{"hand-off", func(c *evaluation.Case) { c.ExpectedHandoff = "0999999999" }, "expected_handoff", false},
		{"history", func(c *evaluation.Case) { c.History = []evaluation.Message{{Role: "bot", Text: "a"}} }, `role "bot"`, false},
		{"base", func(c *evaluation.Case) {
			c.ID, c.Variant, c.VariantOrigin = "fee.x", evaluation.VoiceLike, "human"
			c.BaseID = "other"
		}, `base "other" is not in the sets`, false},
	} {
		c := lintCase()
		tt.change(&c)
		found := false
		for _, p := range lint(t, c) {
			found = found || strings.Contains(p.Error(), tt.want) && p.Warning == tt.warning && p.Line == 2 && strings.HasPrefix(p.Error(), "sets/s.jsonl:2: ")
		}
		if !found {
			t.Errorf("%s: problems %v, want %q at sets/s.jsonl:2 (warning %v)", tt.name, lint(t, c), tt.want, tt.warning)
		}
	}
	if problems := lint(t, lintCase(), lintCase()); len(problems) != 1 || problems[0].Line != 3 || !strings.Contains(problems[0].Message, "already in line 2") {
		t.Errorf("a repeated id: %v", problems)
	}
}

func TestLintRuleVariants(t *testing.T) {
	base := lintCase()
	made, ok := evaluation.Perturb(base, evaluation.NoDiacritics, 7)
	if !ok {
		t.Fatal("no variant")
	}
	if problems := lint(t, base, made); len(problems) > 0 {
		t.Errorf("a variant as made: %v", problems)
	}
	made.Question += "?"
	if problems := lint(t, base, made); len(problems) != 1 || !strings.Contains(problems[0].Message, "not what eval perturb makes") {
		t.Errorf("a variant that was changed: %v", problems)
	}
}

func TestSelection(t *testing.T) {
	lib := smallLibrary(t)
	cases := manyCases(6)
	cases[1].Intent, cases[2].Tags = "deadline", []string{"hard"}
	cases[3].ExpectedDocs[0].Doc = "khac"
	variant, _ := evaluation.Perturb(cases[4], evaluation.NoDiacritics, 1)
	cases = append(cases, variant)
	for _, tt := range []struct {
		filters []string
		span    string
		want    int
	}{
		{nil, "", 7},
		{[]string{"intent=deadline"}, "", 1},
		{[]string{"intent=deadline,fee"}, "", 7},
		{[]string{"intent=fee", "tag=hard"}, "", 1},
		{[]string{"id=fee.[0-2]"}, "", 3},
		{[]string{"doc=khac"}, "0:1", 1},
		{[]string{"collection=procedures"}, "", 6},
		{[]string{"collection=none"}, "", 1},
		{nil, "4:5", 2}, // the variant goes with its base
		{nil, "2:", 5},
		{nil, ":1", 1},
	} {
		var s evaluation.Selection
		for _, text := range tt.filters {
			f, err := evaluation.ParseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Filters = append(s.Filters, f)
		}
		if tt.span != "" {
			var err error
			if s.From, s.To, err = evaluation.ParseRange(tt.span); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(s.Bases(cases, lib)); got != tt.want {
			t.Errorf("filters %v range %q keep %d cases, want %d", tt.filters, tt.span, got, tt.want)
		}
	}
	for _, bad := range []string{"intent", "colour=red", "intent="} {
		if _, err := evaluation.ParseFilter(bad); err == nil {
			t.Errorf("filter %q is taken", bad)
		}
	}
	for _, bad := range []string{"5", "a:b", "-1:2", "3:3"} {
		if _, _, err := evaluation.ParseRange(bad); err == nil {
			t.Errorf("range %q is taken", bad)
		}
	}
}

func TestWithVariants(t *testing.T) {
	base := lintCase()
	base.Question = "làm thẻ"
	own := base
	own.ID, own.Variant, own.VariantOrigin, own.Question = "fee.voice", evaluation.VoiceLike, "human", "làm cái thẻ ấy"
	got := evaluation.WithVariants([]evaluation.Case{base, own}, []evaluation.Variant{evaluation.Plain, evaluation.NoDiacritics, evaluation.Teencode, evaluation.VoiceLike}, 1)
	var ids []string
	for _, c := range got {
		ids = append(ids, c.ID)
	}
	if want := "fee fee.no_diacritics fee.voice"; strings.Join(ids, " ") != want { // chat shortens no word of it
		t.Errorf("WithVariants = %v, want %s", ids, want)
	}
}

func TestRequote(t *testing.T) {
	lib := smallLibrary(t)
	c := lintCase()
	c.KeyFacts[0].Evidence[0].Quote = "Cấp thẻ lần đầu: 30.000 đồng nhé"
	other := lintCase()
	other.ID, other.BaseID, other.KeyFacts[0].Evidence[0].Quote = "fee.2", "fee.2", "chuyện chẳng liên quan gì cả"
	var b strings.Builder
	for _, c := range []evaluation.Case{c, other} {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.Replace(string(line), `"id":`, `"x_own": 1, "id":`, 1) + "\n")
	}
	name := filepath.Join(t.TempDir(), "s.jsonl")
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := evaluation.Requote(name, lib); n != 1 || err != nil {
		t.Fatalf("Requote = %d, %v, want 1", n, err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(b.String(), "Cấp thẻ lần đầu: 30.000 đồng nhé", "Cấp lần đầu: 30.000 đồng", 1)
	if string(data) != want {
		t.Errorf("the file is\n%s\nwant\n%s", data, want)
	}
	if n, err := evaluation.Requote(name, lib); n != 0 || err != nil {
		t.Errorf("a second time: %d, %v", n, err)
	}
	bare := lintCase()
	bare.KeyFacts[0].Evidence = nil
	line, err := json.Marshal(bare)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, line, 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := evaluation.Requote(name, lib); n != 1 || err != nil {
		t.Fatalf("a fact without evidence: %d, %v", n, err)
	}
	cases, err := evaluation.Load(os.DirFS(filepath.Dir(name)), "s.jsonl")
	if err != nil || len(lint(t, cases...)) > 0 {
		t.Errorf("after that: %v, %v", err, lint(t, cases...))
	}
}
