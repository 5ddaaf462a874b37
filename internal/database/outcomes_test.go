package database_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/vietnamese"
)

func TestOutcomesAreFound(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		day := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
		add := func(id, status, channel string, hour int, body string) {
			t.Helper()
			ok(t, db.AddOutcome(ctx, database.Outcome{ID: id, Status: status, Channel: channel, Dialogue: "chat-" + id[:1], Person: "p", At: day.Add(time.Duration(hour) * time.Hour), Body: []byte(body)}))
		}
		add("a1", "answered", "telegram", 1, `{"question":"Lệ phí  khai sinh 100%?","answer":"Miễn phí.","citations":[{"document":"khai-sinh"}],"checks":{"number_grounding":"pass"}}`)
		add("a2", "answered", "telegram", 2, `{"question":"ket hon","answer":"Miễn  phí.\n","citations":[{"document":"ket-hon"},{"document":"khai-sinh"}],"checks":{"number_grounding":"fail"}}`)
		add("b1", "abstained", "zalo", 3, `{"question":"Làm hộ chiếu ở Mỹ","understood":{"documents":["ho-chieu"]},"checks":{"x_y":"error"}}`)
		add("b2", "answered", "zalo", 3, `{"question":"khai tử","answer":"Miễn phí.","citations":[{"document":"khai-tu"}]}`)
		add("c1", "error", "web", 4, `not JSON`)
		add("c1", "answered", "web", 5, `{"question":"again"}`) // the first stays
		for _, f := range []database.Feedback{{Outcome: "a1", Person: "p", Good: true}, {Outcome: "a1", Person: "q", Reason: "sai"}, {Outcome: "b2", Channel: "zalo", Person: "p", Reason: "dài"}} {
			ok(t, db.AddFeedback(ctx, f))
		}
		if err := db.AddFeedback(ctx, database.Feedback{Outcome: "zz"}); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("AddFeedback on none: %v, want ErrNotFound", err)
		}
		for _, tt := range []struct {
			f    database.Filter
			want string
		}{
			{database.Filter{}, "c1 b2 b1 a2 a1"},
			{database.Filter{Status: []string{"answered"}}, "b2 a2 a1"},
			{database.Filter{Status: []string{"abstained", "error"}}, "c1 b1"},
			{database.Filter{Channel: "telegram"}, "a2 a1"},
			{database.Filter{Channel: "zalo", Dialogue: "chat-b"}, "b2 b1"},
			{database.Filter{Document: "khai-sinh"}, "a2 a1"},
			{database.Filter{Document: "ho-chieu"}, "b1"},
			{database.Filter{Failed: "any"}, "b1 a2"},
			{database.Filter{Failed: "number_grounding"}, "a2"},
			{database.Filter{Failed: "xzy"}, ""},
			{database.Filter{Failed: "x_y"}, "b1"},
			{database.Filter{Feedback: "any"}, "b2 a1"},
			{database.Filter{Feedback: "good"}, "a1"},
			{database.Filter{Feedback: "bad"}, "b2 a1"},
			{database.Filter{Text: "PHI khai  sinh"}, "a1"}, // however many spaces
			{database.Filter{Text: "khai"}, "b2 a1"},
			{database.Filter{Text: "100%"}, "a1"},
			{database.Filter{Text: "%"}, "a1"},
			{database.Filter{Text: "_"}, ""},
			{database.Filter{Text: "HO CHIEU"}, "b1"},
			{database.Filter{From: day.Add(3 * time.Hour)}, "c1 b2 b1"},
			{database.Filter{From: day.Add(2 * time.Hour), To: day.Add(3 * time.Hour)}, "a2"},
			{database.Filter{Status: []string{"answered"}, Text: "khai", Channel: "zalo", Feedback: "bad", Document: "khai-tu"}, "b2"},
		} {
			for _, size := range []int{0, 1, 2} {
				var got []string
				f := tt.f
				f.Limit = size
				for {
					p, err := db.Outcomes(ctx, f)
					ok(t, err)
					for _, o := range p.Outcomes {
						got = append(got, o.ID)
					}
					if f.Before = p.Next; p.Next == "" {
						break
					}
				}
				if s := strings.Join(got, " "); s != tt.want {
					t.Errorf("Outcomes(%+v) by %d = %q, want %q", tt.f, size, s, tt.want)
				}
			}
		}
		p, err := db.Outcomes(ctx, database.Filter{Limit: 1, Failed: "any", Status: []string{"answered"}})
		if err != nil || len(p.Outcomes) != 1 || p.Outcomes[0].Question != "ket hon" || fmt.Sprint(p.Outcomes[0].Documents, p.Outcomes[0].Failed) != "[ket-hon khai-sinh] [number_grounding]" || p.Outcomes[0].Body != nil {
			t.Errorf("Outcomes = %+v, %v", p, err)
		}
		for _, bad := range []database.Filter{{Feedback: "so-so"}, {Before: "x"}, {Before: "12"}} {
			if _, err := db.Outcomes(ctx, bad); err == nil {
				t.Errorf("Outcomes(%+v) = nil, want an error", bad)
			}
		}
		var whole []string
		ok(t, db.EachOutcome(ctx, database.Filter{Limit: 2, Channel: "telegram"}, func(o database.Outcome) error {
			whole = append(whole, o.Answer)
			return nil
		}))
		if len(whole) != 2 || whole[1] != "Miễn phí." {
			t.Errorf("EachOutcome gives the answers %q", whole)
		}
		boom := errors.New("boom")
		if err := db.EachOutcome(ctx, database.Filter{}, func(database.Outcome) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("EachOutcome = %v, want the error of f", err)
		}
	})
}

func TestFeedbackKeepsTheLastWord(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		ok(t, db.AddOutcome(ctx, database.Outcome{ID: "o"}))
		for _, tt := range []struct {
			good         bool
			reason, want string
		}{
			{false, "", "false "}, {false, "sai lệ phí", "false sai lệ phí"}, {false, "", "false sai lệ phí"}, {true, "", "true "}, {true, "tốt", "true tốt"}, {false, "", "false "},
		} {
			ok(t, db.AddFeedback(ctx, database.Feedback{Outcome: "o", Channel: "telegram", Person: "p", Good: tt.good, Reason: tt.reason}))
			f := must(db.FeedbackOn(ctx, "o"))(t)
			if got := fmt.Sprint(f[0].Good, " ", f[0].Reason); len(f) != 1 || got != tt.want {
				t.Errorf("after %v %q: %q, want %q", tt.good, tt.reason, got, tt.want)
			}
		}
	})
}

// Who says why after 👎 has one opinion, and what is said of no answer is none: anybody
// can send a press of a button that never was.
func TestAnOpinionIsCountedOnce(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		ok(t, db.AddOutcome(ctx, database.Outcome{ID: "o", Channel: "web", Person: "p", Status: "answered"}))
		say := func(f database.Feedback) {
			t.Helper()
			ok(t, db.Exchange(ctx, database.Received{Channel: "web", Dialogue: "p", Person: "p", At: time.Now()}, database.Result{State: []byte("s"), Feedback: &f}, nil))
		}
		say(database.Feedback{Outcome: "o"})
		say(database.Feedback{Outcome: "o", Reason: "thiếu"})
		say(database.Feedback{Outcome: "o"})
		for _, f := range []database.Feedback{{Outcome: "o", Good: true}, {Outcome: "o", Good: true}} {
			f.Channel, f.Person = "api", ""
			ok(t, db.AddFeedback(ctx, f))
		}
		say(database.Feedback{Outcome: "never-was", Good: true})
		got := ""
		for _, c := range must(db.Counts(ctx, time.Now(), time.Now()))(t) {
			got += fmt.Sprint(c.Channel, " ", c.What, " ", c.N, "; ")
		}
		if want := "api good 1; web answered 1; web bad 1; "; got != want {
			t.Errorf("counted %s, want %s", got, want)
		}
		if f := must(db.FeedbackOn(ctx, "never-was"))(t); len(f) != 0 {
			t.Errorf("feedback on nothing is kept: %+v", f)
		}
	})
}

func TestARecallReachesEveryoneOnce(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		day := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
		add := func(id, chat, status, answer, document string, hour int) {
			t.Helper()
			ok(t, db.AddOutcome(ctx, database.Outcome{ID: id, Channel: "telegram", Dialogue: chat, Person: "person-" + chat, Status: status, At: day.Add(time.Duration(hour) * time.Hour),
				Body: fmt.Appendf(nil, `{"answer":%q,"citations":[{"document":%q}]}`, answer, document)}))
		}
		add("1", "x", "answered", "Lệ phí 50.000 đồng.", "d", 1)
		add("2", "x", "answered", "Lệ phí 50.000 đồng.", "d", 2)
		add("3", "y", "answered", "Lệ phí  50.000 đồng. ", "e", 3)
		add("4", "z", "answered", "khác", "d", 4)
		add("5", "", "answered", "Lệ phí 50.000 đồng.", "d", 5)
		add("6", "w", "abstained", "", "d", 6)
		list := func(g database.Given, want string, wantAll int) []database.Recipient {
			t.Helper()
			got, all, err := db.Recipients(ctx, g)
			ok(t, err)
			var s []string
			for _, r := range got {
				s = append(s, r.Dialogue+"/"+r.Outcome)
			}
			if strings.Join(s, " ") != want || all != wantAll {
				t.Errorf("Recipients(%+v) = %v of %d, want %s of %d", g, s, all, want, wantAll)
			}
			return got
		}
		list(database.Given{Document: "d"}, "z/4 x/2", 2)
		first := list(database.Given{Document: "d", Limit: 1}, "z/4", 2)
		second := list(database.Given{Document: "d", Limit: 1, After: first[0]}, "x/2", 1)
		list(database.Given{Document: "d", After: second[0]}, "", 0)
		list(database.Given{Document: "d", To: day.Add(2 * time.Hour)}, "x/1", 1)
		list(database.Given{Document: "d", Outcome: "1"}, "x/2", 1)
		to := list(database.Given{Outcome: "5"}, "y/3 x/2", 2)
		if _, _, err := db.Recipients(ctx, database.Given{Outcome: "6"}); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("Recipients of an outcome without answer: %v, want ErrNotFound", err)
		}
		if _, _, err := db.Recipients(ctx, database.Given{}); err == nil {
			t.Error("Recipients of anything: no error")
		}
		if _, err := db.Correct(ctx, database.By{Who: "an"}, "r", to[0], nil); !errors.Is(err, database.ErrNoReason) {
			t.Errorf("Correct without a reason: %v, want ErrNoReason", err)
		}
		for _, want := range []bool{true, false} { // the second time after it was cut off
			for _, r := range to {
				if posted, err := db.Correct(ctx, by, "r", r, texts("sorry")); posted != want || err != nil {
					t.Errorf("Correct = %v, %v, want %v", posted, err, want)
				}
			}
		}
		nextOut(t, db, "sorry", "sorry")
		if posted, err := db.Correct(ctx, by, "another", to[0], texts("sorry")); !posted || err != nil {
			t.Errorf("Correct of another recall = %v, %v, want true", posted, err)
		}
	})
}

func TestCountsOutliveWhatTheyCount(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := open(t, url, database.Options{})
		evening := time.Date(2026, 11, 26, 16, 59, 0, 0, time.UTC) // one minute before midnight at the office
		for i, at := range []time.Time{evening, evening, evening.Add(time.Minute)} {
			ok(t, db.AddOutcome(ctx, database.Outcome{ID: fmt.Sprint(i), Channel: "web", Person: "p", Status: "answered", At: at, Body: []byte(`{"checks":{"x":"fail"}}`)}))
		}
		ok(t, db.AddOutcome(ctx, database.Outcome{ID: "0", Channel: "web", Status: "answered", At: evening}))
		ok(t, db.AddFeedback(ctx, database.Feedback{Outcome: "0", Channel: "web", At: evening}))
		must(db.Erase(ctx, "web", "p"))(t)
		got := must(db.Counts(ctx, evening, evening.Add(time.Minute)))(t)
		want := "[{2026-11-26 web answered 2} {2026-11-26 web bad 1} {2026-11-26 web failed x 2} {2026-11-27 web answered 1} {2026-11-27 web failed x 1}]"
		if fmt.Sprint(got) != want {
			t.Errorf("Counts = %v, want %s", got, want)
		}
		if one := must(db.Counts(ctx, evening, evening))(t); len(one) != 3 {
			t.Errorf("Counts of one day = %v", one)
		}
	})
}

// Whatever a browser sends as a filter, it finds what it should or is refused; it is
// never taken for a part of the statement.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"", "khai sinh", "100%", "_", "!", "'; DROP TABLE outcomes; --", "\x00", "\xff", "1764230400000 o1", "-1 ", "9223372036854775808 x", "ĐĂNG KÝ"} {
		f.Add(s, s, s)
	}
	db, err := database.Open(ctx, filepath.Join(f.TempDir(), "troly.db"), database.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	const question = "Lệ phí đăng ký khai sinh 100% 'một' là bao_nhiêu!"
	if err := db.AddOutcome(ctx, database.Outcome{ID: "o1", Status: "answered", Body: fmt.Appendf(nil, `{"question":%q,"checks":{"a_b":"fail"}}`, question)}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, before, failed string) {
		p, err := db.Outcomes(ctx, database.Filter{Text: text})
		fold := func(s string) string {
			s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
			return strings.Join(strings.Fields(vietnamese.Fold(s)), " ")
		}
		if want := strings.Contains(fold(question), fold(text)); err != nil || (len(p.Outcomes) == 1) != want {
			t.Errorf("Text %q finds %d, %v, want it found: %v", text, len(p.Outcomes), err, want)
		}
		p, err = db.Outcomes(ctx, database.Filter{Failed: failed})
		if want := failed == "" || failed == "any" || strings.ReplaceAll(failed, "\x00", "") == "a_b"; err != nil || (len(p.Outcomes) == 1) != want {
			t.Errorf("Failed %q finds %d, %v, want it found: %v", failed, len(p.Outcomes), err, want)
		}
		if _, err := db.Outcomes(ctx, database.Filter{Before: before}); err != nil && !strings.Contains(err.Error(), "is not the end of a page") {
			t.Errorf("Before %q: %v", before, err)
		}
	})
}
