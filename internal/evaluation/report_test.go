package evaluation

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/statistics"
	"troly/internal/trec"
)

const reportAnswer = "Lệ phí: 8.000 đồng [1].\nNộp tại UBND huyện <b>."

// reportSamples are a right outcome, a wrong one and an error.
func reportSamples() []Sample {
	at := strings.Index(reportAnswer, "UBND")
	return []Sample{
		{
			Set: "residents", Case: "a", BaseID: "a", Variant: Plain, Intent: "fee", Collection: "procedures", Audience: "resident", Difficulty: "easy", Split: "dev",
			Metrics: map[string]float64{Pass: 1, FirstRight: 1, Truthfulness: 1},
			Outcome: pipeline.Outcome{Question: "lệ phí?", Status: pipeline.Answered, Answer: "8.000 đồng", Retrieved: []pipeline.Retrieved{{Document: "khai-sinh", Section: "le-phi", Score: 2}, {Document: "khai-sinh", Section: "ho-so", Score: 1}}},
		},
		{
			Set: "residents", Case: "b", BaseID: "b", Variant: NoDiacritics, Intent: "fee", Collection: "procedures", Audience: "resident", Difficulty: "easy", Split: "dev",
			Metrics: map[string]float64{Pass: 0, FirstRight: 0, Truthfulness: -1}, Missed: SaidWrongly, Unscored: map[string]string{"handoff": "no_handoff_expected"},
			Facts:     []FactResult{{ID: "f1", Importance: "vital", Match: Match{Support: Full, Start: strings.Index(reportAnswer, "8.000"), End: strings.Index(reportAnswer, " [1]")}}, {ID: "f2", Importance: "okay", Match: Match{Support: None}, Missed: NotSaid}},
			Forbidden: []ForbiddenHit{{ID: "x", Kind: "stale_authority", Severity: "critical", Start: at, End: at + len("UBND huyện")}},
			Claims:    []Claim{{Start: 0, End: strings.Index(reportAnswer, "\n")}},
			Outcome:   pipeline.Outcome{Question: "le phi <script>?", Status: pipeline.Answered, Answer: reportAnswer, Retrieved: []pipeline.Retrieved{{Document: "ket-hon", Section: "le-phi", Score: 1}}},
		},
		{Set: "residents", Case: "c", BaseID: "c", Variant: Plain, Intent: "fee", Error: "hết giờ\x01", Outcome: pipeline.Outcome{Question: "?"}},
	}
}

func samplesOf(list []Sample) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		for i := range list {
			if !yield(&list[i], nil) {
				return
			}
		}
	}
}

func casesOf(list ...Case) iter.Seq2[*Case, error] {
	return func(yield func(*Case, error) bool) {
		for i := range list {
			if !yield(&list[i], nil) {
				return
			}
		}
	}
}

func newTestReport(t *testing.T) *Report {
	t.Helper()
	samples := reportSamples()
	summary := SummarizeSamples(samples)
	summary.Run = "run-1"
	return &Report{
		Manifest: Manifest{Run: "run-1", Data: "d1", Skipped: []string{"old"}, Versions: map[string]string{"knowledge": "k1"}},
		Summary:  summary, Samples: samplesOf(samples),
		Cases: casesOf(
			Case{ID: "a", Question: "lệ phí?", ExpectedDocs: []ExpectedDoc{{Doc: "khai-sinh", Section: "le-phi", Grade: 3}}},
			Case{ID: "b", Question: "lệ phí?", ExpectedDocs: []ExpectedDoc{{Doc: "khai-sinh", Grade: 3}}, KeyFacts: []Fact{{ID: "f1", AnyOf: []string{"tám nghìn"}}, {ID: "f2", Value: json.RawMessage(`"P5D"`)}}},
		),
		Verdicts: []Verdict{
			{Gate: Gate{ID: "floor-pass", Kind: Floor, Metric: Pass}, Result: Failed, N: 3},
			{Gate: Gate{ID: "no-critical", Kind: Zero, Metric: CriticalAny}, Result: Passed},
			{Gate: Gate{ID: "few", Kind: Floor, Metric: Pass}, Result: Inconclusive, More: 17},
		},
		Comparison: &Comparison{
			A: "run-0", B: "run-1", Pairs: 2,
			Metrics: []MetricComparison{{Metric: Pass, MeanA: 1, MeanB: 0.5, Adjusted: 0.01, Improvement: statistics.Comparison{Difference: statistics.Estimate{Mean: -0.5, Interval: &statistics.Interval{Low: -0.9, High: -0.1}}}}},
			Flipped: []Flip{{Case: "b", Variant: NoDiacritics, MissedB: SaidWrongly}},
		},
	}
}

// written is the file a report makes.
func written(t *testing.T, r *Report, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sub", name)
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHTMLReport(t *testing.T) {
	page := written(t, newTestReport(t), "report.html")
	for _, want := range []string{
		`<mark class="fact" title="f1">8.000 đồng</mark>`, `<mark class="forbidden" title="stale_authority">UBND huyện</mark>`, `<mark class="uncited" title="">Lệ phí: </mark>`,
		"le phi &lt;script&gt;?", "tám nghìn", "hết giờ", "floor-pass", "17 <span", "nói sai", "said wrongly", "-0.500", `class="worse"`, "run-0 → run-1", "knowledge k1",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "url(", "@import", "src=", "ZgotmplZ", "<no value>", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q: it must load nothing and be filled in", bad)
		}
	}
	if vi, en := strings.Count(page, `class="vi"`), strings.Count(page, `class="en"`); vi != en || vi < 40 {
		t.Errorf("%d Vietnamese and %d English phrases, want as many of both", vi, en)
	}
}

// Every phrase the page uses has words, and every key is there once.
func TestReportWords(t *testing.T) {
	seen := make(map[string]bool)
	for _, w := range reportWords {
		if seen[w[0]] || w[1] == "" || w[2] == "" {
			t.Errorf("words of %q are there twice or empty", w[0])
		}
		seen[w[0]] = true
	}
	for _, m := range regexp.MustCompile(`\{t "([^"]+)"\}|\(t "([^"]+)"`).FindAllStringSubmatch(reportPage, -1) {
		if !seen[m[1]+m[2]] {
			t.Errorf("the page uses %q, which has no words", m[1]+m[2])
		}
	}
	for _, m := range Misses() {
		if !seen["x."+string(m)] {
			t.Errorf("stage %q has no words", m)
		}
	}
	for prefix, names := range map[string][]string{"g.": append([]string{"resident", "civil_servant", "easy", "medium", "hard", "unrated"}, intentNames...), "v.": variantNames, "l.": stageNames[:]} {
		for _, name := range names {
			if !seen[prefix+name] {
				t.Errorf("label %q has no words", name)
			}
		}
	}
	for _, name := range slices.Concat(Headline(), judgeMetrics(), judgedFaults) {
		if !seen["m."+name] {
			t.Errorf("metric %q has no words", name)
		}
	}
}

func TestJUnitReport(t *testing.T) {
	text := written(t, newTestReport(t), "junit.xml")
	var suites junitSuites
	if err := xml.Unmarshal([]byte(text), &suites); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if suites.Tests != 7 || suites.Failures != 2 || suites.Errors != 1 || suites.Skipped != 2 {
		t.Errorf("tests %d, failures %d, errors %d, skipped %d, want 7, 2, 1, 2\n%s", suites.Tests, suites.Failures, suites.Errors, suites.Skipped, text)
	}
	for _, want := range []string{`classname="residents.fee" name="b"`, `message="said_wrongly"`, "Forbidden x (stale_authority, critical)", `name="version.knowledge" value="k1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("JUnit lacks %q", want)
		}
	}
}

func TestMarkdownReport(t *testing.T) {
	text := written(t, newTestReport(t), "report.md")
	for _, want := range []string{"| fail | floor-pass |", "| pass | 1.000 | 0.500 | -0.500 [-0.900, -0.100] | 0.010 |", "| said_wrongly | 1 |", "- `b` now wrong (said_wrongly)", "- `c` error:", "says stale_authority"} {
		if !strings.Contains(text, want) {
			t.Errorf("Markdown lacks %q in\n%s", want, text)
		}
	}
}

func TestCSVReport(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(written(t, newTestReport(t), "metrics.csv"))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v, want a head and 3", len(rows), err)
	}
	column := func(name string) int {
		for i, cell := range rows[0] {
			if cell == name {
				return i
			}
		}
		t.Fatalf("no column %q in %v", name, rows[0])
		return 0
	}
	if got := rows[2][column(Truthfulness)]; got != "-1" {
		t.Errorf("truthfulness of b = %q, want -1", got)
	}
	if got := rows[3][column(Pass)]; got != "" {
		t.Errorf("pass of an error = %q, want nothing", got)
	}
}

func TestExports(t *testing.T) {
	r := newTestReport(t)
	run, err := trec.ReadRun(strings.NewReader(written(t, r, "run.trec")), "run")
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := trec.ReadQrels(strings.NewReader(written(t, r, "qrels.qrels")), "qrels")
	if err != nil {
		t.Fatal(err)
	}
	measures, err := trec.ParseMeasures("success@1")
	if err != nil {
		t.Fatal(err)
	}
	report, err := trec.Evaluate(qrels, run, measures, trec.Options{Level: relevant})
	if err != nil || len(report.Queries) != 2 || report.Values[0][0] != 1 || report.Values[0][1] != 0 {
		t.Errorf("exported run measures %+v, %v, want q:a right and q:b wrong", report, err)
	}

	lib, _, err := corpus.Load(fstest.MapFS{"procedures/khai-sinh.md": {Data: []byte("---\nid: khai-sinh\ntitle: Đăng ký khai sinh\nkind: procedure\nchecked: 2026-11-23\n---\n## Tóm tắt\nLàm giấy khai sinh.\n")}})
	if err != nil {
		t.Fatal(err)
	}
	r.Library = lib
	dir := filepath.Join(t.TempDir(), "beir") + "/"
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	collection, err := OpenCollection(os.DirFS(dir), "test")
	if err != nil || len(collection.Queries) != 2 || collection.Qrels["q:a"]["d:khai-sinh"] != 3 {
		t.Errorf("exported collection: %+v, %v", collection, err)
	}
	for d, err := range trec.Documents(collection.FS) {
		if err != nil || d.ID != "d:khai-sinh" || !strings.Contains(d.Text, "Làm giấy khai sinh.") {
			t.Errorf("exported document %+v, %v", d, err)
		}
	}
}

func TestReportErrors(t *testing.T) {
	r := newTestReport(t)
	if err := r.Write(filepath.Join(t.TempDir(), "report.pdf")); err == nil || !strings.Contains(err.Error(), ".html") {
		t.Errorf("unknown extension: %v, want an error that lists the known ones", err)
	}
	if err := r.Write("/dev/null/report.html"); err == nil {
		t.Error("a file that cannot be written gives no error")
	}
	if err := r.Write(t.TempDir() + "/"); err == nil || !strings.Contains(err.Error(), "knowledge") {
		t.Errorf("BEIR export without knowledge: %v", err)
	}
	broken := errors.New("samples.jsonl:7: broken")
	r.Samples = func(yield func(*Sample, error) bool) { yield(nil, broken) }
	for ext, write := range formats() {
		if err := write(r, io.Discard); ext != ".json" && ext != ".qrels" && !errors.Is(err, broken) {
			t.Errorf("%s over broken samples: %v, want %v", ext, err, broken)
		}
	}
}

func TestCutAt(t *testing.T) {
	for _, tt := range []struct {
		spans []span
		want  string
	}{
		{nil, "|abcdef"},
		{[]span{{0, 2, "x", ""}}, "x|ab |cdef"},
		{[]span{{1, 3, "x", ""}, {2, 5, "y", ""}}, "|a x|bc y|de |f"},
		{[]span{{-1, 3, "x", ""}, {4, 9, "y", ""}, {3, 3, "z", ""}}, "|abcdef"},
	} {
		var b bytes.Buffer
		for i, p := range cutAt("abcdef", tt.spans) {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(p.Class + "|" + p.Text)
		}
		if b.String() != tt.want {
			t.Errorf("cutAt(%v) = %q, want %q", tt.spans, b.String(), tt.want)
		}
	}
}

func TestWorstComesFirst(t *testing.T) {
	var many []Sample
	for _, v := range []Variant{Plain, Typo, NoDiacritics} {
		many = append(many, Sample{Case: "n." + string(v), BaseID: "n", Variant: v, Missed: NotSaid})
	}
	many[1].Missed = SaidWrongly
	many = append(many, reportSamples()...)
	r := &Report{Samples: samplesOf(many)}
	worst, all, err := r.failures(3)
	if err != nil || all != 5 || len(worst) != 3 || worst[0].Case != "c" || worst[1].Case != "b" || worst[2].Case != "n.typo" || len(worst[2].Also) != 2 {
		t.Errorf("failures = %+v of %d, %v, want the error, the critical one and the question typed wrongly in three ways", worst, all, err)
	}
	many[1].Split = "test"
	if worst, _, _ := r.failures(3); worst[2].Case != "n.no_diacritics" && worst[2].Case != "n.plain" {
		t.Errorf("failures show %s of the test split", worst[2].Case)
	}
	if worst, all, _ := r.failures(1); len(worst) != 1 || all != 5 || worst[0].Case != "c" {
		t.Errorf("failures(1) = %+v of %d, want the error of 5", worst, all)
	}
	many = nil
	for i := range 1000 { // the worst are the last of each question
		for _, m := range []Miss{NotRetrieved, SaidWrongly} {
			many = append(many, Sample{Case: fmt.Sprintf("%03d", 999-i), BaseID: fmt.Sprint(i), Missed: m})
		}
	}
	r.Samples = samplesOf(many)
	worst, all, err = r.failures(2)
	if err != nil || all != 2000 || len(worst) != 2 || worst[0].Case != "000" || worst[1].Case != "001" || worst[0].Missed != SaidWrongly || len(worst[0].Also) != 1 {
		t.Errorf("failures(2) of many = %+v of %d, %v", worst, all, err)
	}
}

func TestFactWords(t *testing.T) {
	for _, tt := range []struct{ kind, value, want string }{
		{"money_vnd", "8000", "8.000 đồng"}, {"money_vnd", "1500000", "1.500.000 đồng"}, {"money_vnd", "0", "0 đồng"}, {"working_days", `"P5D"`, "5 ngày làm việc"},
		{"duration", `"P1Y6M"`, "1 năm 6 tháng"}, {"duration", `"PT8H"`, "8 giờ"}, {"duration", `"soon"`, "soon"}, {"date", `"2025-07-01"`, "01/07/2025"},
		{"percent", "4.5", "4,5 %"}, {"form_code", `"CT01"`, "CT01"},
	} {
		f := Fact{Type: tt.kind, Value: json.RawMessage(tt.value)}
		if got := f.words(); got != tt.want {
			t.Errorf("Words of %s %s = %q, want %q", tt.kind, tt.value, got, tt.want)
		}
	}
}
