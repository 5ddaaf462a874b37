package evaluation

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/pipeline"
)

// A database of many outcomes gives the figures of the same outcomes in a file, with
// and without what only sampled ones need.
func TestStoredOutcomesAreSampledAsThoseOfAFile(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "troly.db"), database.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	people := People{[]byte("c"), []byte("p")}
	var file []Live
	for i := range 600 {
		l := liveOutcome(fmt.Sprintf("o-%03d", i), pipeline.Answered)
		switch i % 6 {
		case 0:
			l.Status = pipeline.Refused
		case 1:
			l.Checks["citations"] = "fail"
		case 2:
			l.Retrieved = []pipeline.Retrieved{{Document: "x", Score: 2}, {Document: "y", Score: 1.95}}
		}
		dialogue := fmt.Sprint("d", i/2)
		if i%50 == 3 {
			l.Status = pipeline.HandedOver
		}
		body, err := json.Marshal(l.Outcome)
		if err != nil {
			t.Fatal(err)
		}
		at := morning.Add(time.Duration(i) * time.Second)
		if err := db.AddOutcome(t.Context(), database.Outcome{ID: l.ID, Channel: "zalo", Dialogue: dialogue, Person: dialogue, Status: string(l.Status), At: at, Body: body}); err != nil {
			t.Fatal(err)
		}
		kept := people.record(l.ID, at, "zalo", "", "zalo\x00"+dialogue, "zalo\x00"+dialogue, l.Outcome)
		if i%20 == 4 {
			if err := db.AddFeedback(t.Context(), database.Feedback{Outcome: l.ID, Channel: "zalo", Person: dialogue, Reason: "sai", At: at}); err != nil {
				t.Fatal(err)
			}
			kept.give(Feedback{Outcome: l.ID, User: keyed(people.PersonKey, "zalo\x00"+dialogue), Value: ThumbsDown, Reason: "sai", Time: at})
		}
		file = append(file, kept)
	}
	if err := db.AddOutcome(t.Context(), database.Outcome{ID: "odd", Channel: "zalo", Status: "answered", At: morning, Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	for _, budget := range []int{0, 100} {
		for _, rates := range []Rates{nil, DefaultRates()} {
			stored, odd, err := ReadStored(t.Context(), db, people, database.Filter{Limit: 64}, rates)
			if err != nil || odd != 1 {
				t.Fatalf("ReadStored: %d odd, %v; want one", odd, err)
			}
			want := append([]Live(nil), file...)
			DrawSample(want, DefaultRates(), budget)
			DrawSample(stored, DefaultRates(), budget)
			if len(stored) != len(want) {
				t.Fatalf("%d outcomes, want %d", len(stored), len(want))
			}
			for i := range want {
				got, want := stored[i], want[i]
				if *got.Sampling != *want.Sampling || got.ID != want.ID || got.User != want.User || got.Conversation != want.Conversation || len(got.Feedback) != len(want.Feedback) || got.Question != want.Question || got.Status != want.Status {
					t.Fatalf("budget %d: outcome %+v with %+v, want %+v with %+v", budget, got, got.Sampling, want, want.Sampling)
				}
				if got.Sampling.Sampled && got.Answer != want.Answer {
					t.Fatalf("a sampled outcome has lost its answer: %+v", got)
				}
			}
		}
	}
}

func TestHandedOverOnce(t *testing.T) {
	var all []Live
	for i, s := range []pipeline.Status{pipeline.Answered, pipeline.HandedOver, pipeline.HandedOver, pipeline.Answered, pipeline.HandedOver} {
		for _, c := range []string{"a", "b"} {
			all = append(all, Live{ID: fmt.Sprint(c, i), Conversation: c, Outcome: pipeline.Outcome{Status: s}})
		}
	}
	got := ""
	for _, l := range handedOverOnce(all) {
		got += l.ID + " "
	}
	if want := "a0 b0 a1 b1 a3 b3 a4 b4 "; got != want {
		t.Errorf("left %q, want %q", got, want)
	}
}
