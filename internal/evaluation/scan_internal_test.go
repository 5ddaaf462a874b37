package evaluation

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"troly/internal/pipeline"
)

// FuzzEachField: what package json accepts as an object is cut into the same fields.
func FuzzEachField(f *testing.F) {
	for _, s := range []string{`{}`, ` { "a" : 1 , "b":[{"c":"]}\""}], "d":"\\" } `, `{"a":}`, `{"a":1`, `{"a":1}x`, `[]`, `{"a":"\\\""}`, `{"a":-1.5e3,"b":null,"c":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := make(map[string]json.RawMessage)
		err := eachField(data, func(key, value []byte) error {
			got[string(key)] = value
			return nil
		})
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil || want == nil {
			return // skipping checks less than decoding
		}
		if err != nil {
			t.Fatalf("eachField(%q): %v", data, err)
		}
		for key, value := range want {
			quoted, _ := json.Marshal(key)
			if own, ok := got[string(quoted[1:len(quoted)-1])]; ok && string(own) != string(value) {
				t.Fatalf("eachField(%q): field %q = %q, want %q", data, key, own, value)
			}
		}
	})
}

// TestRowsFromDiskAndMemory: both ways to a row give the same.
func TestRowsFromDiskAndMemory(t *testing.T) {
	s := sampleOf("base", `quo"te`, Typo, 2, map[string]float64{Pass: 1, "mrr": 0.25, Truthfulness: -1})
	s.Unscored = map[string]string{"handoff": "no_handoff_expected"}
	s.Facts = []FactResult{{ID: "f", Importance: "vital", Match: Match{Support: Full, Tier: 2}}}
	s.Forbidden = []ForbiddenHit{{Kind: "other", Severity: "minor"}}
	s.Missed, s.Cached, s.Answer = NotSaid, true, "Có dấu \"ngoặc\" và }]"
	s.Status, s.Understood.Intent, s.Timings.Total, s.Usage.PromptTokens = pipeline.Answered, "fee", 12.5, 7
	line, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	memory := rowsOf([]Sample{s}).list[0]
	var disk row
	if err := newRows(nil).decode(line, &disk); err != nil {
		t.Fatal(err)
	}
	for i := range disk.values {
		if math.IsNaN(disk.values[i]) && math.IsNaN(memory.values[i]) {
			disk.values[i], memory.values[i] = 0, 0
		}
	}
	if !reflect.DeepEqual(*disk.unscored, *memory.unscored) {
		t.Errorf("reasons %v and %v", *disk.unscored, *memory.unscored)
	}
	disk.unscored, memory.unscored = nil, nil
	if !reflect.DeepEqual(disk, memory) {
		t.Errorf("from disk   %+v\nfrom memory %+v", disk, memory)
	}
	for _, broken := range []string{`{"metrics":{"pass":"x"}}`, `{"repeat":"x"}`, `{"case":"a"`, ``, `7`} {
		if err := newRows(nil).decode([]byte(broken), &row{}); err == nil {
			t.Errorf("line %q is taken", broken)
		}
	}
}
