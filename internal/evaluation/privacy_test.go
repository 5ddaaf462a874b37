package evaluation_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"troly/internal/vietnamese"

	"troly/eval"
	"troly/internal/corpus"
	"troly/internal/evaluation"
	"troly/internal/privacy"
	"troly/knowledge"
)

// TestPrivacyGate holds masking to 0.98 on the marked texts, and the marked texts to
// a size that the figure means something.
func TestPrivacyGate(t *testing.T) {
	texts, err := evaluation.LoadPrivacy(eval.FS, evaluation.PrivacySet)
	if err != nil {
		t.Fatal(err)
	}
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	mask := privacy.New(lib.Public).Mask
	negatives := 0
	for _, split := range []string{"dev", "test"} {
		r := evaluation.ScorePrivacy(mask, texts, split)
		negatives += r.HardNegatives
		if all := r.All(); all.Precision < 0.98 || all.Recall < 0.98 {
			t.Errorf("masking on %s: precision %.3f, recall %.3f, want 0.98; differs on %+v", split, all.Precision, all.Recall, r.Misses)
		}
		for _, s := range r.Kinds {
			if s.Right+s.Missed == 0 {
				t.Errorf("%s marks no %s", split, s.Kind)
			}
		}
	}
	if len(texts) < 600 || negatives < 250 {
		t.Errorf("%d marked texts, %d of them hard negatives, want 600 and 250", len(texts), negatives)
	}
	for _, text := range texts {
		masked, _ := mask(text.Text)
		if again, _ := mask(masked); again != masked {
			t.Errorf("%s: masking %q again gives %q", text.ID, masked, again)
		}
	}
}

// TestQuestionsStayWhole holds that masking takes no name or address out of the
// questions that residents ask but where one was planted or somebody is asked about, and
// hardly any however they are typed.
func TestQuestionsStayWhole(t *testing.T) {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		t.Fatal(err)
	}
	mask := privacy.New(lib.Public).Mask
	planted := regexp.MustCompile(`pii|decline\.|^ordinary\.help\.4$|^t-ho-ngheo-ho-can-ngheo\.1$`)
	files, err := fs.Glob(eval.FS, "sets/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(sets/*.jsonl) = %d files, %v", len(files), err)
	}
	var otherwise []string
	for _, name := range files {
		cases, err := evaluation.Load(eval.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if planted.MatchString(c.ID) || c.RefusalKind == "personal_data" {
				continue
			}
			if text := ofPeople(mask, c.Question); text != "" {
				t.Errorf("%s: Mask(%q) found %q, want nothing of people", c.ID, c.Question, text)
			}
			for _, typed := range []string{vietnamese.Fold(c.Question), strings.ToUpper(c.Question), strings.ToUpper(vietnamese.Fold(c.Question))} {
				if text := ofPeople(mask, typed); text != "" {
					otherwise = append(otherwise, fmt.Sprintf("%s: Mask(%q) found %q", c.ID, typed, text))
				}
			}
		}
	}
	// Without marks some words are names by chance: "gia van nho" may be a person's.
	if len(otherwise) > 4 {
		t.Errorf("%d questions typed without marks or in capitals lose something, want at most 4:\n%s", len(otherwise), strings.Join(otherwise, "\n"))
	}
}

// ofPeople returns the first name, address or network name that mask finds; "" when it
// finds none.
func ofPeople(mask func(string) (string, []privacy.Finding), s string) string {
	_, found := mask(s)
	for _, f := range found {
		if f.Kind == privacy.Name || f.Kind == privacy.Address || f.Kind == privacy.Handle {
			return f.Text
		}
	}
	return ""
}

func TestScorePrivacy(t *testing.T) {
	texts := []evaluation.PrivacyText{
		{ID: "a", Split: "dev", Text: "gọi 1, 2", Spans: []evaluation.PrivacySpan{{Kind: privacy.Phone, Text: "1"}, {Kind: privacy.OTP, Text: "2"}}},
		{ID: "b", Split: "dev", Text: "3", HardNegative: true},
		{ID: "c", Split: "test", Text: "4", HardNegative: true},
	}
	mask := func(s string) (string, []privacy.Finding) {
		switch s {
		case "gọi 1, 2": // one right, one with the wrong kind
			return "gọi #, #", []privacy.Finding{{Kind: privacy.Phone, Text: "1,", Start: 5, End: 7}, {Kind: privacy.Account, Text: "2", Start: 8, End: 9}}
		}
		return "#", []privacy.Finding{{Kind: privacy.Phone, Text: s, Start: 0, End: 1}}
	}
	r := evaluation.ScorePrivacy(mask, texts, "dev")
	all := r.All()
	if r.Texts != 2 || r.HardNegatives != 1 || r.Touched != 1 || r.Leaked != 0 || all.Right != 1 || all.Missed != 1 || all.Wrong != 2 || all.Recall != 0.5 || len(r.Misses) != 2 {
		t.Errorf("ScorePrivacy = %+v, want one right, one missed, two wrong", r)
	}
}

func TestLoadPrivacy(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"id":"a","split":"dev","text":"x","spans":[],"hard_negative":true}`, ""},
		{`{"id":"a","split":"dev","text":"x","spans":[]}`, "hard_negative"},
		{`{"id":"a","split":"train","text":"x","spans":[],"hard_negative":true}`, "split"},
		{`{"id":"a","split":"dev","text":"x 1","spans":[{"kind":"colour","text":"1"}]}`, "unknown kind"},
		{`{"id":"a","split":"dev","text":"x 1","spans":[{"kind":"otp","text":"2"}]}`, "not in the text"},
		{`{"id":"a","split":"dev","text":"x 1","more":1}`, "unknown field"},
		{`{"id":"a"`, "f.jsonl:1"},
	} {
		_, err := evaluation.LoadPrivacy(fstest.MapFS{"f.jsonl": {Data: []byte(tt.line + "\n")}}, "f.jsonl")
		if got := ""; err != nil {
			got = err.Error()
			if tt.want == "" || !strings.Contains(got, tt.want) {
				t.Errorf("LoadPrivacy(%s) = %v, want %q", tt.line, err, tt.want)
			}
		} else if tt.want != "" {
			t.Errorf("LoadPrivacy(%s) = no error, want %q", tt.line, tt.want)
		}
	}
}
