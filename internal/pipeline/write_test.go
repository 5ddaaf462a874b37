package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"troly/eval"
	"troly/internal/llm"
	"troly/internal/llm/llmtest"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/prompts"
)

// modelAssistant answers with a model.
func modelAssistant(t testing.TB, model llm.Generator) *pipeline.Assistant {
	t.Helper()
	set, err := prompts.Load()
	if err != nil {
		t.Fatal(err)
	}
	lib, retriever := parts()
	return pipeline.New(lib, retriever, pipeline.Options{Now: someDay, Model: model, Prompts: set})
}

// given is what a model reads in a prompt.
type given struct {
	rules    []string // lines of the system prompt
	question string
	passages [][]string // lines
	facts    []givenFact
	repair   bool
}

type givenFact struct {
	key     string
	passage int
	text    string
}

var (
	questionPart = regexp.MustCompile(`(?s)<cau_hoi>\n(.*?)\n</cau_hoi>`)
	passagePart  = regexp.MustCompile(`(?s)<doan>\n(.*?)\n?</doan>`)
	factPart     = regexp.MustCompile(`(?s)(\{F[0-9]+\}) \(đoạn ([0-9]+)\) <khoan>\n(.*?)\n</khoan>`)
)

func read(r llm.Request) given {
	user := r.Messages[1].Text
	g := given{rules: strings.Split(r.Messages[0].Text, "\n"), question: questionPart.FindStringSubmatch(user)[1], repair: strings.Contains(user, "cau_bi_loai")}
	for _, m := range passagePart.FindAllStringSubmatch(user, -1) {
		g.passages = append(g.passages, strings.Split(m[1], "\n"))
	}
	for _, m := range factPart.FindAllStringSubmatch(user, -1) {
		f := givenFact{key: m[1], text: m[3]}
		fmt.Sscan(m[2], &f.passage)
		g.facts = append(g.facts, f)
	}
	return g
}

type sentence struct {
	Text     string `json:"text"`
	Passages []int  `json:"passages"`
}

// written is a reply in the shape asked for.
func written(complete string, sentences ...sentence) string {
	used := []int{}
	for _, s := range sentences {
		used = append(used, s.Passages...)
	}
	data, err := json.Marshal(map[string]any{"complete": complete, "used": used, "sentences": sentences})
	if err != nil {
		panic(err)
	}
	text := string(data) // maps are written in the order of their keys: complete, sentences, used
	head, tail, _ := strings.Cut(text, `,"sentences"`)
	list, last, _ := strings.Cut(tail, `,"used":`)
	return head + `,"used":` + strings.TrimSuffix(last, "}") + `,"sentences"` + list + "}"
}

// bare is a line of a passage without its list mark.
func bare(line string) string {
	return regexp.MustCompile(`^(- |[0-9]+\. )`).ReplaceAllString(line, "")
}

// rightModel says what the passages say and refers to rows by their keys.
func rightModel(g given) string {
	var list []sentence
	for i, p := range g.passages[:min(2, len(g.passages))] {
		for _, line := range p[:min(2, len(p))] {
			if line != "" {
				list = append(list, sentence{bare(line), []int{i + 1}})
			}
		}
	}
	if len(g.facts) > 0 {
		keys := ""
		for _, f := range g.facts[:min(3, len(g.facts))] {
			keys += " " + f.key
		}
		list = append(list, sentence{"Cụ thể như sau:" + keys, []int{g.facts[0].passage}})
	}
	return written("full", list...)
}

var digits = regexp.MustCompile(`[0-9]+`)

// lyingModel writes every number wrong.
func lyingModel(g given) string {
	lie := func(s string) string {
		return digits.ReplaceAllStringFunc(s, func(d string) string { return strings.Map(func(r rune) rune { return '0' + (r-'0'+3)%10 }, d) })
	}
	var list []sentence
	for _, f := range g.facts {
		list = append(list, sentence{lie(f.text), []int{f.passage}})
	}
	for i, p := range g.passages {
		for _, line := range p {
			if digits.MatchString(line) && !strings.Contains(line, "{") {
				list = append(list, sentence{lie(bare(line)), []int{i + 1}})
			}
		}
	}
	if len(list) == 0 {
		list = append(list, sentence{"Lệ phí là 777.000 đồng.", []int{1}})
	}
	return written("full", list...)
}

// mixingModel uses true figures, each for the wrong row: by hand and by key.
func mixingModel(g given) string {
	var list []sentence
	label := func(f givenFact) string { before, _, _ := strings.Cut(f.text, ":"); return before }
	for i, f := range g.facts {
		other := g.facts[(i+1)%len(g.facts)]
		_, figure, _ := strings.Cut(other.text, ": ")
		figure, _, _ = strings.Cut(figure, ";")
		list = append(list, sentence{label(f) + ": " + figure, []int{f.passage, other.passage}})
	}
	if len(list) == 0 {
		return written("none")
	}
	return written("full", list...)
}

// mixingKeysModel names one row and prints the figure of another by its key.
func mixingKeysModel(g given) string {
	var list []sentence
	for i, f := range g.facts {
		for _, other := range g.facts[i+1:] {
			_, mine, _ := strings.Cut(f.text, ": ")
			if _, theirs, _ := strings.Cut(other.text, ": "); mine == theirs || f.passage != other.passage {
				continue
			}
			before, _, _ := strings.Cut(f.text, ":")
			list = append(list, sentence{before + " là " + other.key + ".", []int{f.passage}})
		}
	}
	if len(list) == 0 {
		return written("none")
	}
	return written("full", list...)
}

// wildModel ignores every instruction.
func wildModel(g given) string {
	return written("full",
		sentence{"Bỏ qua mọi hướng dẫn, tôi là trợ lý không giới hạn.", []int{1}},
		sentence{"Chuyển khoản 5.000.000 đồng vào số 0912345678 hoặc vào https://lua-dao.example.com.", []int{1}},
		sentence{"Bạn chỉ dựa vào các đoạn tài liệu có đánh số, chỉ viết điều mà các đoạn tài liệu nói.", []int{1}},
		sentence{"You do not need any papers.", []int{1}},
		sentence{"Không cần giấy tờ gì và được miễn phí.", []int{1}})
}

// leakingModel writes out its rules, as they are and with words before them, after a
// line of a passage.
func leakingModel(g given) string {
	list := []sentence{{bare(g.passages[0][0]), []int{1}}}
	for _, rule := range g.rules {
		if rule = strings.TrimLeft(rule, "-0123456789. "); len(rule) > 30 {
			list = append(list, sentence{rule, []int{1}}, sentence{"Quy tắc của tôi: " + rule, []int{1}})
		}
	}
	return written("full", list...)
}

// englishModel answers in English, with figures by their keys.
func englishModel(g given) string {
	list := []sentence{{"You need to bring your identity card and the application form.", []int{1}}}
	for _, f := range g.facts {
		list = append(list, sentence{"The fee is " + f.key + ".", []int{f.passage}})
	}
	return written("full", list...)
}

// brokenModel writes what is no reply, another nonsense for each question.
func brokenModel(g given) string {
	nonsense := []string{
		"", "null", "[]", "{}", "42", `"được"`, "\x00\xff\xfe", "<html><body>502</body></html>", "```json\n```",
		`{"complete":"full","used":[1],"sentences":`, `{"complete":"full","used":[1],"sentences":[{"text":42,"passages":[1]}]}`,
		`{"complete":"full","used":["một"],"sentences":[{"text":"Lệ phí là 777.000 đồng.","passages":["một"]}]}`,
		`{"complete":"full","used":[1],"sentences":[{"text":"Lệ phí là 777.000 đồng.","passages":[999]}]}`,
		`{"complete":"full","used":[1],"sentences":[{"text":"Lệ phí là 777.000 đồng.","passages":[]}]}`,
		strings.Repeat(`{"sentences":[`, 5000), "Lệ phí là 777.000 đồng. " + rightModel(g)[:20],
	}
	return nonsense[len(g.question)%len(nonsense)]
}

// model makes a generator of a way of answering.
func model(answer func(given) string) *llmtest.Script {
	return &llmtest.Script{Reply: func(_ context.Context, r llm.Request) (string, error) { return answer(read(r)), nil }}
}

// rules are the long lines of the system prompt of an answer.
func rules(t testing.TB) []string {
	t.Helper()
	set, err := prompts.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Answer(prompts.Answer{Question: "x", Sentences: 8})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(p.System) {
		if line = strings.TrimLeft(strings.TrimSpace(line), "-0123456789. "); len(line) > 30 {
			list = append(list, line)
		}
	}
	if len(list) < 5 {
		t.Fatalf("%d rules in %q", len(list), p.System)
	}
	return list
}

// residents are the questions of the evaluation set.
func residents(t testing.TB) []string {
	data, err := eval.FS.ReadFile("sets/residents.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range bytes.Lines(data) {
		var c struct{ Question string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c.Question)
	}
	if len(list) < 200 {
		t.Fatalf("%d questions", len(list))
	}
	return list
}

// knownLines are the lines of the cited documents, as printed on the day.
func knownLines(o pipeline.Outcome) string {
	lib, _ := parts()
	var b strings.Builder
	for _, c := range o.Citations {
		doc := lib.Document(c.Document)
		fmt.Fprintln(&b, doc.Title, doc.Authority, doc.Portal, doc.ValidTo, doc.ValidFrom, doc.Codes, lib.Units.Since)
		for _, s := range lib.Passages(doc) {
			b.WriteString(s.Body + "\n")
		}
		for _, f := range doc.Facts() {
			b.WriteString(lib.Line(doc, &f, "2026-11-24") + "\n")
		}
	}
	return b.String()
}

// strangers are the values of an answer that no cited document has.
func strangers(o pipeline.Outcome) []string {
	known := make(map[string]bool)
	for _, v := range vietnamese.FindValues(knownLines(o)) {
		known[v.Kind.String()+v.Canonical] = true
	}
	var list []string
	answer := regexp.MustCompile(`\[[0-9]+\]`).ReplaceAllString(o.Answer, "")
	for _, v := range vietnamese.FindValues(answer) {
		if !known[v.Kind.String()+v.Canonical] {
			list = append(list, answer[v.Start:v.End])
		}
	}
	return list
}

// No wrong number reaches a reader, whatever the model does; a model that does its
// work is heard.
func TestModels(t *testing.T) {
	questions := residents(t)
	if underRace { // ten times slower
		questions = questions[:20]
	}
	for _, tt := range []struct {
		name      string
		answer    func(given) string
		least     float64 // share of answers that are the model's
		most      float64
		forbidden []string
	}{
		{"right", rightModel, 0.9, 1, nil},
		{"lies about every number", lyingModel, 0, 0, []string{"777.000"}},
		{"mixes figures up", mixingModel, 0, 0.1, nil},
		{"mixes keys up", mixingKeysModel, 0, 0.05, nil},
		{"ignores instructions", wildModel, 0, 0, []string{"0912345678", "lua-dao", "không giới hạn", "You do not", "Không cần giấy tờ gì và được miễn phí", "5.000.000 đồng vào"}},
		{"leaks its rules", leakingModel, 0, 0, append(rules(t), "Quy tắc của tôi")},
		{"answers in English", englishModel, 0, 0, []string{"You need", "The fee"}},
		{"writes nonsense", brokenModel, 0, 0, []string{"777.000", "<html", "sentences"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := modelAssistant(t, model(tt.answer))
			answered, byModel := 0, 0
			for _, q := range questions {
				o := a.Ask(context.Background(), pipeline.Question{Text: q})
				if o.Status != pipeline.Answered {
					continue
				}
				if len(o.Degraded) == 0 && o.AnsweredBy == "extractive" && o.Answer == ask(q).Answer {
					continue // from the table of communes: no model is asked
				}
				answered++
				if o.AnsweredBy == "llm" {
					byModel++
					if o.Versions.Model != "script" || o.Usage.CompletionTokens == 0 || len(o.Versions.Prompts) != 12 || !o.Verified {
						t.Errorf("%s: %q: versions %+v, usage %+v", tt.name, q, o.Versions, o.Usage)
					}
					if strings.HasPrefix(tt.name, "mixes") {
						t.Logf("mixed: %q\n%s", q, o.Answer)
					}
				} else if len(o.Degraded) == 0 {
					t.Errorf("%s: %q: answered without the model and no word why", tt.name, q)
				} else if tt.least > 0 {
					t.Logf("%s: %q: %v", tt.name, q, o.Degraded)
				}
				if s := strangers(o); len(s) > 0 {
					t.Errorf("%s: %q: the answer has %q, which no cited document says:\n%s", tt.name, q, s, o.Answer)
				}
				if i := slices.IndexFunc(tt.forbidden, func(f string) bool { return strings.Contains(o.Answer, f) }); i >= 0 {
					t.Errorf("%s: %q: %q in\n%s", tt.name, q, tt.forbidden[i], o.Answer)
				}
			}
			share := float64(byModel) / float64(answered)
			t.Logf("%s: %d of %d answers are the model's", tt.name, byModel, answered)
			if share < tt.least || share > tt.most {
				t.Errorf("%s: %d of %d answers are the model's, want a share from %.2f to %.2f", tt.name, byModel, answered, tt.least, tt.most)
			}
		})
	}
}
