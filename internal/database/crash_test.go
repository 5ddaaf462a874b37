package database_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
)

// What the child process is told.
const (
	childURL   = "TROLY_TEST_CHILD_URL"
	childRound = "TROLY_TEST_CHILD_ROUND"
	childToken = "token" // as round: hold the lock of a token
)

// child receives and answers messages as fast as it can, and says what it was told
// is durable, until it is killed. Each round is later than the leases of the one before.
func child(url string) {
	round := os.Getenv(childRound)
	n, _ := strconv.Atoi(round)
	db, err := database.Open(ctx, url, database.Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(time.Duration(n) * 5 * time.Minute) }})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	if round == childToken {
		err := db.WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) { return []byte("pair"), nil })
		if err == nil {
			fmt.Println("token")
			err = db.WithToken(ctx, "zalo", func(context.Context, []byte) ([]byte, error) {
				fmt.Println("locked")
				select {}
			})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	var said sync.Mutex
	say := func(what, key string) {
		said.Lock()
		defer said.Unlock()
		os.Stdout.WriteString(what + " " + key + "\n")
	}
	for p := range 8 {
		go func() {
			for i := 0; ; i++ {
				m := message(fmt.Sprintf("%s.%d", round, p), i)
				if _, err := db.Receive(ctx, m); err == nil {
					say("received", m.Key)
				}
			}
		}()
	}
	for range 4 {
		go func() {
			for {
				jobs, err := db.Next(ctx, "child "+round, 4, time.Minute)
				if err != nil || len(jobs) == 0 {
					time.Sleep(time.Millisecond)
				}
				for _, j := range jobs {
					go func() {
						if db.Finish(ctx, j, answered(j)) == nil {
							say("finished", j.Key)
						}
					}()
				}
			}
		}()
	}
	select {}
}

// answered names the attempt in everything, so that what was written twice shows.
func answered(j database.Job) database.Result {
	return database.Result{
		State: []byte(j.Key), Parts: texts(j.Key+" first", j.Key+" second"),
		Outcome: &database.Outcome{ID: fmt.Sprintf("%s attempt %d", j.Key, j.Attempt), Status: j.Key},
	}
}

func startChild(t *testing.T, url, round string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url, childRound+"="+round)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// A process is killed again and again while it receives and answers. What it was
// told is durable is there, once; what it was not told about is there once or not.
func TestX04KilledAtAnyInstant(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	both(t, func(t *testing.T, url string) {
		open(t, url, database.Options{}) // the tables; a child is killed at work, not at making them
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		received, finished := map[string]bool{}, map[string]bool{}
		for round := range rounds {
			cmd, lines := startChild(t, url, strconv.Itoa(round))
			after := 1 + random.IntN(200) // lines; then a moment more
			for n := 0; lines.Scan(); n++ {
				if n == after {
					time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
					ok(t, cmd.Process.Kill())
				}
				what, key, _ := strings.Cut(lines.Text(), " ")
				switch what {
				case "received":
					received[key] = true
				case "finished":
					finished[key] = true
				}
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
				t.Fatalf("child ended by itself: %v", err)
			}
		}
		if len(received) < rounds {
			t.Fatalf("only %d messages were received in %d rounds", len(received), rounds)
		}

		// Whoever comes next finishes what is left.
		late := func() time.Time { return time.Now().Add(100 * time.Hour) }
		db := open(t, url, database.Options{Now: late})
		left := 0
		for {
			jobs := must(db.Next(ctx, "survivor", 100, time.Minute))(t)
			if len(jobs) == 0 {
				break
			}
			for _, j := range jobs {
				if finished[j.Key] {
					t.Errorf("%s was finished and is given out again", j.Key)
				}
				ok(t, db.Finish(ctx, j, answered(j)))
				left++
			}
		}
		r := raw(t, url)
		total := count(t, r, "SELECT count(*) FROM inbox")
		t.Logf("%d kills; %d messages acknowledged of %d taken, %d answers acknowledged, %d left to the next process", rounds, len(received), total, len(finished), left)
		rows, err := r.Query("SELECT key, done FROM inbox")
		ok(t, err)
		defer rows.Close()
		there := map[string]bool{}
		for rows.Next() {
			var key string
			var done int
			ok(t, rows.Scan(&key, &done))
			if there[key] || done != 1 {
				t.Errorf("%s is there twice or not done (done = %d)", key, done)
			}
			there[key] = true
		}
		ok(t, rows.Err())
		for key := range received {
			if !there[key] {
				t.Errorf("%s was acknowledged and is lost", key)
			}
		}
		for what, query := range map[string]string{
			"outcomes":              "SELECT count(*) FROM outcomes",
			"questions answered":    "SELECT count(DISTINCT status) FROM outcomes",
			"first parts":           "SELECT count(*) FROM outbox WHERE reply = 0",
			"second parts":          "SELECT count(*) FROM outbox WHERE reply > 0",
			"counted":               "SELECT sum(n) FROM counts",
			"rows of finished jobs": "SELECT count(*) FROM inbox WHERE done = 1",
		} {
			if n := count(t, r, query); n != total {
				t.Errorf("%d %s for %d messages", n, what, total)
			}
		}
		if n := count(t, r, "SELECT count(*) FROM lanes WHERE box = 0"); n != 0 {
			t.Errorf("%d lanes of the inbox are left", n)
		}
	})
}

// The lock of a token ends with the process that holds it, and a token that was
// got before is there.
func TestZ20KilledWithTheLockOfAToken(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		cmd, lines := startChild(t, url, childToken)
		for _, want := range []string{"token", "locked"} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("child says %q, want %q", lines.Text(), want)
			}
		}
		db := open(t, url, database.Options{})
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		take := func(_ context.Context, current []byte) ([]byte, error) { return append(current, '2'), nil }
		if err := db.WithToken(short, "zalo", take); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WithToken while another process holds the lock: %v, want a deadline", err)
		}
		ok(t, cmd.Process.Kill())
		cmd.Wait()
		long, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		ok(t, db.WithToken(long, "zalo", take))
		if got := must(db.Token(ctx, "zalo"))(t); string(got) != "pair2" {
			t.Errorf("Token = %q, want pair2", got)
		}
	})
}
