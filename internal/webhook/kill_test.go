package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"troly/internal/database"
	"troly/internal/webhook"
)

var kills = flag.Int("kills", 4, "how often TestKilledAtAnyInstant kills a server, on each database")

// serving is what a test process that is a server is told, in its environment.
type serving struct {
	Database   string
	Platform   string // URL that takes parts
	Generation int    // of the servers, each has its own
}

const serveVariable = "TROLY_TEST_SERVE"

// serveIfAsked is a server with webhook, dispatcher and database, as a process of
// its own: it writes its address to stdout and then its log, and lives until it is
// killed or the test that started it ends.
func serveIfAsked() bool {
	var s serving
	if json.Unmarshal([]byte(os.Getenv(serveVariable)), &s) != nil {
		return false
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := database.Open(context.Background(), s.Database, database.Options{Log: log})
	if err != nil {
		panic(err)
	}
	c := &channel{name: "test", secret: secret, send: s.send}
	r := responder(func(_ context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
		time.Sleep(rand.N(20 * time.Millisecond))
		return webhook.Response{
			Replies: []webhook.Reply{{Text: fmt.Sprintf("%s, the %d.", m.Text, len(state)+1)}},
			State:   append(slices.Clone(state), '.'),
		}
	})
	opts := hurried()
	opts.Lease, opts.Log = time.Second, log
	go webhook.NewDispatcher(db, r, []webhook.Line{fast(c)}, opts).Run(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, webhook.NewIntake(c, db, webhook.IntakeOptions{})) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

// send posts a part to the platform of the test.
func (s serving) send(ctx context.Context, dialogue, text string) (string, error) {
	body, err := json.Marshal(arrival{Dialogue: dialogue, Text: text, Generation: s.Generation})
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Platform, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", &webhook.SendError{Class: webhook.Unsure, Code: "transport", Err: err}
	}
	return "ok", answer.Body.Close()
}

// arrival is a part that reached the platform.
type arrival struct {
	Dialogue   string
	Text       string
	Generation int
}

// street is a number of servers on one database, killed and started again.
type street struct {
	t        *testing.T
	database string
	platform *httptest.Server

	mu       sync.Mutex
	houses   []*house
	born     int
	again    int // parts the servers said they send a second time
	arrivals []arrival
}

type house struct {
	cmd  *exec.Cmd
	addr string
	told sync.WaitGroup // the reader of its log
}

func newStreet(t *testing.T, database string, servers int) *street {
	s := &street{t: t, database: database, houses: make([]*house, servers)}
	s.platform = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a arrival
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			return // the server was killed while it wrote
		}
		s.mu.Lock()
		s.arrivals = append(s.arrivals, a)
		s.mu.Unlock()
		time.Sleep(rand.N(5 * time.Millisecond)) // time to be killed in, with the part taken
	}))
	t.Cleanup(s.platform.Close)
	for i := range s.houses {
		s.build(i)
	}
	t.Cleanup(func() {
		for i := range s.houses {
			s.kill(i)
		}
	})
	return s
}

// build starts server i.
func (s *street) build(i int) {
	s.born++
	config, err := json.Marshal(serving{Database: s.database, Platform: s.platform.URL, Generation: s.born})
	if err != nil {
		s.t.Fatal(err)
	}
	h := &house{cmd: exec.Command(os.Args[0])}
	h.cmd.Env = append(os.Environ(), serveVariable+"="+string(config))
	h.cmd.Stderr = os.Stderr
	if _, err := h.cmd.StdinPipe(); err != nil { // closed when this process ends, however it does
		s.t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for h.addr == "" && lines.Scan() {
		if _, _, err := net.SplitHostPort(lines.Text()); err == nil {
			h.addr = lines.Text()
		}
	}
	h.told.Go(func() {
		for lines.Scan() {
			if strings.Contains(lines.Text(), "part may come twice") {
				s.mu.Lock()
				s.again++
				s.mu.Unlock()
			}
		}
	})
	s.mu.Lock()
	s.houses[i] = h
	s.mu.Unlock()
}

// kill ends server i without a word to it.
func (s *street) kill(i int) {
	h := s.houses[i]
	_ = h.cmd.Process.Kill()
	h.told.Wait() // the pipe is read to its end before Wait closes it
	_ = h.cmd.Wait()
}

func (s *street) anyAddress() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.houses[rand.N(len(s.houses))].addr
}

// deliver posts until it is acknowledged, as platforms do.
func (s *street) deliver(d delivery) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2000 {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.anyAddress(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set(signature, sign(secret, body))
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("never acknowledged")
}

// X04: servers are killed at random instants under load. Everything that was
// acknowledged is answered once, in order, with what the dialogue remembers; a part
// comes twice only when the server that sent it was killed before it could write
// down that it had.
func TestKilledAtAnyInstant(t *testing.T) {
	for name, c := range map[string]struct {
		servers int
		fresh   func(testing.TB) string
	}{
		"sqlite":                 {1, func(t testing.TB) string { return t.TempDir() + "/test.db" }},
		"postgres, two replicas": {2, postgres.Database},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStreet(t, c.fresh(t), c.servers)
			const chats = 16
			acknowledged := make([]int, chats)
			stop := make(chan struct{})
			var people sync.WaitGroup
			for i := range chats {
				people.Go(func() {
					for n := 1; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						d := delivery{ID: fmt.Sprintf("%d-%d", i, n), Chat: fmt.Sprint("chat", i), Text: fmt.Sprint("message ", n)}
						if err := s.deliver(d); err != nil {
							t.Errorf("delivery %s: %v", d.ID, err)
							return
						}
						acknowledged[i] = n
					}
				})
			}
			for k := range *kills {
				time.Sleep(rand.N(400 * time.Millisecond))
				s.kill(k % c.servers)
				s.build(k % c.servers)
			}
			close(stop)
			people.Wait()
			total := 0
			for _, n := range acknowledged {
				total += n
			}
			answers := func() map[string][]arrival { // by chat and text, in order
				s.mu.Lock()
				defer s.mu.Unlock()
				all := map[string][]arrival{}
				for _, a := range s.arrivals {
					all[a.Dialogue+"/"+a.Text] = append(all[a.Dialogue+"/"+a.Text], a)
				}
				return all
			}
			for range 1200 { // two minutes for what was in work to be taken up and sent
				if len(answers()) >= total {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			got, twice := answers(), 0
			for i, n := range acknowledged {
				for m := range n {
					want := fmt.Sprintf("chat%d/message %d, the %d.", i, m+1, m+1)
					all := got[want]
					delete(got, want)
					if len(all) == 0 {
						t.Errorf("%s was acknowledged and not answered", want)
						continue
					}
					twice += len(all) - 1
					for a := range all {
						for b := range a {
							if all[a].Generation == all[b].Generation {
								t.Errorf("%s came twice from the same server", want)
							}
						}
					}
				}
			}
			for text := range got {
				t.Errorf("%q is no answer to anything", text) // one written twice would count one more
			}
			s.mu.Lock()
			again, arrivals := s.again, slices.Clone(s.arrivals)
			s.mu.Unlock()
			if twice > again {
				t.Errorf("%d parts came twice, %d were known to be in doubt", twice, again)
			}
			next := map[string]int{}
			for _, a := range arrivals {
				var n int
				if _, err := fmt.Sscanf(a.Text, "message %d,", &n); err != nil {
					t.Fatal(err)
				}
				if n > next[a.Dialogue]+1 {
					t.Errorf("%s: %q came after message %d", a.Dialogue, a.Text, next[a.Dialogue])
				}
				next[a.Dialogue] = max(next[a.Dialogue], n)
			}
			t.Logf("%d kills, %d messages acknowledged and answered, %d parts sent twice (%d in doubt)", *kills, total, twice, again)
		})
	}
}
