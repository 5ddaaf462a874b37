package trec

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFilesComeBackAsTheyWent(t *testing.T) {
	var b bytes.Buffer
	if err := run.WriteRun(&b, "ours"); err != nil {
		t.Fatal(err)
	}
	if want := "q1 Q0 a 1 0.9 ours\n"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("run begins %q, want %q", b.String()[:40], want)
	}
	again, err := ReadRun(&b, "run.trec")
	if err != nil {
		t.Fatal(err)
	}
	for query := range run {
		want, _ := Order(run[query])
		got, err := Order(again[query])
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("query %s: %v, %v, want %v", query, got, err, want)
		}
	}
	b.Reset()
	if err := qrels.WriteQrels(&b); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadQrels(&b, "qrels.trec"); err != nil || !reflect.DeepEqual(got, qrels) {
		t.Errorf("qrels = %v, %v, want %v", got, err, qrels)
	}
	b.Reset()
	if err := qrels.WriteJudgements(&b); err != nil {
		t.Fatal(err)
	}
	if got, err := readJudgements(&b, "test.tsv"); err != nil || !reflect.DeepEqual(got, qrels) {
		t.Errorf("judgements = %v, %v, want %v", got, err, qrels)
	}
}

func TestBadFilesNameTheLine(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"run", "q1 Q0 a 1 0.9 x\n\n# comment\nq1 Q0 a 2 0.8 x\n", "run:4: document \"a\" is there twice"},
		{"run", "q1 Q0 a 1 NaN x\n", "run:1: score \"NaN\""},
		{"run", "q1 Q0 a 1 Inf x\n", "run:1: score \"Inf\""},
		{"run", "q1 Q0 a 1 1e999 x\n", "run:1: score"},
		{"run", "q1 a 0.9\n", "run:1: 3 columns, want 6"},
		{"qrels", "q1 0 a x\n", "qrels:1: grade \"x\""},
		{"qrels", "q1 0 a 1\nq1 0 a 2\n", "qrels:2: document \"a\" is judged twice"},
		{"qrels", "q1\ta\t1\n", "qrels:1: 3 columns, want 4"},
		{"beir", "query-id\tcorpus-id\tscore\nq1 a 1\n", "beir:2: 1 columns, want 3"},
		{"beir", "query-id\tcorpus-id\tscore\nq1\ta\t1.5\n", "beir:2: grade \"1.5\""},
	} {
		var err error
		switch tt.name {
		case "run":
			_, err = ReadRun(strings.NewReader(tt.text), tt.name)
		case "qrels":
			_, err = ReadQrels(strings.NewReader(tt.text), tt.name)
		default:
			_, err = readJudgements(strings.NewReader(tt.text), tt.name)
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s %q: %v, want %s …", tt.name, tt.text, err, tt.want)
		}
	}
}

func TestCollection(t *testing.T) {
	good := fstest.MapFS{
		"corpus.jsonl":   {Data: []byte(`{"_id":"d1","title":"Tên","text":"Chữ","metadata":{}}` + "\n\n" + `{"_id":"d2","text":"b"}`)},
		"queries.jsonl":  {Data: []byte(`{"_id":"q1","text":"hỏi"}`)},
		"qrels/test.tsv": {Data: []byte("query-id\tcorpus-id\tscore\nq1\td1\t2\n")},
	}
	var documents []Document
	for d, err := range Documents(good) {
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, d)
	}
	if want := []Document{{"d1", "Tên", "Chữ"}, {"d2", "", "b"}}; !reflect.DeepEqual(documents, want) {
		t.Errorf("documents = %v, want %v", documents, want)
	}
	for d := range Documents(good) {
		if d.ID != "d1" {
			t.Errorf("first document = %v", d)
		}
		break // the reader must cope with one who stops
	}
	queries, err := Queries(good)
	if err != nil || len(queries) != 1 || queries[0].Text != "hỏi" {
		t.Errorf("queries = %v, %v", queries, err)
	}
	if j, err := Judgements(good, "test"); err != nil || j["q1"]["d1"] != 2 {
		t.Errorf("judgements = %v, %v", j, err)
	}
	if _, err := Judgements(good, "dev"); err == nil || !strings.Contains(err.Error(), "qrels/dev.tsv") {
		t.Errorf("missing split: %v, want an error that names the file", err)
	}
	for text, want := range map[string]string{
		`{"_id":"d1"}` + "\n" + `{"_id":"d1"}`: `corpus.jsonl:2: _id "d1" is there twice`,
		`{"text":"x"}`:                         "corpus.jsonl:1: _id is missing",
		`{"_id":`:                              "corpus.jsonl:1: not a JSON object",
		`{"_id":7}`:                            "corpus.jsonl:1: not a JSON object",
	} {
		var last error
		for _, err := range Documents(fstest.MapFS{"corpus.jsonl": {Data: []byte(text)}}) {
			last = err
		}
		if last == nil || !strings.HasPrefix(last.Error(), want) {
			t.Errorf("corpus %q: %v, want %s …", text, last, want)
		}
	}
}

func TestIDsInColumns(t *testing.T) {
	const law = "Luật Viên chức 2010@37" // as foreign collections have them
	var qrelsFile, runFile, beirFile bytes.Buffer
	judged, found := Qrels{"câu 1": {law: 1, "a\u00a0b": 0}}, Run{"câu 1": {{law, 2}, {"100%", 1}}}
	if err := errors.Join(judged.WriteQrels(&qrelsFile), found.WriteRun(&runFile, "x"), judged.WriteJudgements(&beirFile)); err != nil {
		t.Fatal(err)
	}
	if got, want := runFile.String(), "câu%201 Q0 Luật%20Viên%20chức%202010@37 1 2 x\ncâu%201 Q0 100% 2 1 x\n"; got != want {
		t.Errorf("run %q, want %q", got, want)
	}
	if got, want := qrelsFile.String(), "câu%201 0 Luật%20Viên%20chức%202010@37 1\ncâu%201 0 a%C2%A0b 0\n"; got != want {
		t.Errorf("judgements %q, want %q: the IDs of the run", got, want)
	}
	if again, err := readJudgements(&beirFile, "test.tsv"); err != nil || !reflect.DeepEqual(again, judged) {
		t.Errorf("BEIR judgements came back as %v, %v, want %v", again, err, judged)
	}
	var b bytes.Buffer
	for _, id := range []string{"", "#a"} {
		if (Qrels{"q": {id: 1}}).WriteQrels(&b) == nil || (Run{"q": {{id, 1}}}).WriteRun(&b, "x") == nil {
			t.Errorf("document ID %q was written", id)
		}
	}
	if (Qrels{"q": {"a\tb": 1}}).WriteJudgements(&b) == nil {
		t.Error("a tab was written into a column between tabs")
	}
}

func FuzzReadRun(f *testing.F) {
	f.Add("q1 Q0 a 1 0.9 x\nq1 Q0 b 2 0.8 x\n")
	f.Add("# x\nq 0 d 0 -1e-300 t")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ReadRun(strings.NewReader(text), "run")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := parsed.WriteRun(&b, "x"); err != nil {
			return // an ID that begins with #
		}
		again, err := ReadRun(&b, "again")
		if err != nil || len(again) != len(parsed) {
			t.Errorf("a run of %d queries came back as %d, %v", len(parsed), len(again), err)
		}
	})
}

func FuzzReadQrels(f *testing.F) {
	f.Add("q1 0 a 1\n")
	f.Add("query-id\tcorpus-id\tscore\nq1\ta\t-1\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func() (Qrels, error){
			func() (Qrels, error) { return ReadQrels(strings.NewReader(text), "qrels") },
			func() (Qrels, error) { return readJudgements(strings.NewReader(text), "test.tsv") },
		} {
			parsed, err := read()
			if err != nil {
				continue
			}
			var b bytes.Buffer
			if parsed.WriteQrels(&b) != nil {
				continue
			}
			if again, err := ReadQrels(&b, "again"); err != nil || !reflect.DeepEqual(again, parsed) {
				t.Errorf("%v came back as %v, %v", parsed, again, err)
			}
		}
	})
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`{"_id":"d","title":"t","text":"x"}`))
	f.Add([]byte("{}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for d, err := range Documents(fstest.MapFS{"corpus.jsonl": {Data: data}}) {
			if err == nil && d.ID == "" {
				t.Error("a document without ID")
			}
		}
	})
}
