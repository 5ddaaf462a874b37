package webhook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"troly/internal/database"
	"troly/internal/webhook"
)

// inboxes are what the acknowledgement is measured with. Each is made anew.
//
//	none      nothing is kept: the ceiling
//	group     database.Receive as it is
//	row       the same, one delivery in each commit, one commit after the other
//	row, 40   PostgreSQL only: one delivery in each commit, 40 connections at once
func inboxes(b *testing.B, run func(b *testing.B, inbox func(testing.TB) webhook.Inbox)) {
	roomy := database.Options{MaxWaiting: 100_000_000}
	sqlite := func(t testing.TB) *database.DB { return openDB(t, t.TempDir()+"/bench.db", roomy) }
	pg := func(t testing.TB) *database.DB { return openDB(t, postgres.Database(t), roomy) }
	for _, c := range []struct {
		name  string
		inbox func(testing.TB) webhook.Inbox
	}{
		{"none", func(testing.TB) webhook.Inbox { return new(forgetful) }},
		{"sqlite/row", func(t testing.TB) webhook.Inbox { return &oneByOne{db: sqlite(t)} }},
		{"sqlite/group", func(t testing.TB) webhook.Inbox { return sqlite(t) }},
		{"postgres/row", func(t testing.TB) webhook.Inbox { return &oneByOne{db: pg(t)} }},
		{"postgres/row, 40 connections", rowsAtOnce},
		{"postgres/group", func(t testing.TB) webhook.Inbox { return pg(t) }},
		{"none again", func(testing.TB) webhook.Inbox { return new(forgetful) }},
	} {
		b.Run(c.name, func(b *testing.B) { run(b, c.inbox) })
	}
}

type forgetful struct{}

func (*forgetful) Receive(_ context.Context, rows ...database.Received) (int, error) {
	return len(rows), nil
}

// oneByOne leaves the database nothing to group.
type oneByOne struct {
	mu sync.Mutex
	db *database.DB
}

func (o *oneByOne) Receive(ctx context.Context, rows ...database.Received) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.db.Receive(ctx, rows...)
}

// pooled inserts each delivery by itself, as many at once as there are connections:
// PostgreSQL then syncs several commits together of its own accord.
type pooled struct{ pool *pgxpool.Pool }

func rowsAtOnce(t testing.TB) webhook.Inbox {
	url := postgres.Database(t)
	openDB(t, url, database.Options{}) // makes the tables
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pooled{pool}
}

func (p pooled) Receive(ctx context.Context, rows ...database.Received) (int, error) {
	for _, r := range rows {
		_, err := p.pool.Exec(ctx, `WITH fresh AS (
				INSERT INTO inbox (channel, key, dialogue, person, body, at, seen) VALUES ($1, $2, $3, $4, $5, $6, $6)
				ON CONFLICT (channel, key) DO NOTHING RETURNING channel, dialogue)
			INSERT INTO lanes (box, channel, dialogue, ready) SELECT 0, channel, dialogue, $6 FROM fresh
			ON CONFLICT (box, channel, dialogue) DO UPDATE SET ready = lanes.ready`,
			r.Channel, r.Key, r.Dialogue, r.Person, r.Body, r.At.UnixMilli())
		if err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

const connections = 40

// caller is one connection of the load generator. It speaks just enough HTTP that
// the generator takes as little as possible of the machine it shares.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
}

func call(b *testing.B, addr string) *caller {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return &caller{conn, bufio.NewReader(conn)}
}

// padding makes a body as long as an update of Telegram.
var padding = strings.Repeat("Tôi muốn hỏi về thủ tục đăng ký khai sinh. ", 8)

var serial atomic.Int64

// post delivers a message that was not seen before and returns the status.
func (c *caller) post() (int, error) {
	n := serial.Add(1)
	body, err := json.Marshal(delivery{ID: fmt.Sprint(n), Chat: fmt.Sprint(n % 5000), Text: padding})
	if err != nil {
		return 0, err
	}
	_, err = fmt.Fprintf(c.conn, "POST / HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", signature, sign(secret, body), len(body), body)
	if err != nil {
		return 0, err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	var status int
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, fmt.Errorf("%q: %w", line, err)
	}
	for line != "\r\n" {
		if line, err = c.in.ReadString('\n'); err != nil {
			return 0, err
		}
	}
	return status, nil
}

// load sends n deliveries over the connections and returns how long each took from
// when it was due: at once, or every so often.
func load(b *testing.B, addr string, n int, every time.Duration) []time.Duration {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range connections {
		c := call(b, addr)
		all.Go(func() {
			defer func() { _ = c.conn.Close() }()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				due := time.Now()
				if every > 0 {
					due = start.Add(time.Duration(i) * every)
					time.Sleep(time.Until(due))
				}
				if status, err := c.post(); status != http.StatusOK || err != nil {
					b.Errorf("delivery = %d, %v", status, err)
					return
				}
				took[i] = time.Since(due)
			}
		})
	}
	all.Wait()
	return took
}

func percentile(sorted []time.Duration, p float64) float64 {
	return float64(sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]) / float64(time.Millisecond)
}

func acknowledge(b *testing.B, inbox webhook.Inbox, every time.Duration) {
	c := &channel{name: "test", secret: secret}
	s := httptest.NewServer(webhook.NewIntake(c, inbox, webhook.IntakeOptions{KeepIn: time.Minute}))
	defer s.Close()
	addr := s.Listener.Addr().String()
	b.ResetTimer()
	took := load(b, addr, b.N, every)
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(percentile(took, .5), "p50-ms")
	b.ReportMetric(percentile(took, .99), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAcknowledge is signed deliveries as fast as 40 connections bring them:
//
//	go test -run xxx -bench 'Acknowledge$' -benchtime 3s ./internal/webhook
func BenchmarkAcknowledge(b *testing.B) {
	inboxes(b, func(b *testing.B, inbox func(testing.TB) webhook.Inbox) { acknowledge(b, inbox(b), 0) })
}

// BenchmarkAcknowledgeThousandASecond is how long they wait at 1,000 a second, from
// the instant each was due:
//
//	go test -run xxx -bench AcknowledgeThousand -benchtime 10000x ./internal/webhook
func BenchmarkAcknowledgeThousandASecond(b *testing.B) {
	inboxes(b, func(b *testing.B, inbox func(testing.TB) webhook.Inbox) { acknowledge(b, inbox(b), time.Millisecond) })
}

// BenchmarkThousandPeople is 1,000 people who write at the same instant to a model
// that takes 2 s for each answer, over a platform with the usual limits:
//
//	go test -run xxx -bench ThousandPeople -benchtime 1x ./internal/webhook
func BenchmarkThousandPeople(b *testing.B) {
	for b.Loop() {
		w := newWorld(b)
		s := httptest.NewServer(w.hook)
		model := responder(func(ctx context.Context, m webhook.Message, state []byte, _ func(string)) webhook.Response {
			time.Sleep(2 * time.Second)
			return echo(ctx, m, state, nil)
		})
		_, stop := run(b, w.db, model, []webhook.Line{{Channel: w.channel}}, webhook.Options{})
		start := time.Now()
		took := load(b, s.Listener.Addr().String(), 1000, 0)
		acknowledged := time.Since(start)
		for len(w.platform.texts("")) < 1000 {
			time.Sleep(50 * time.Millisecond)
		}
		slices.Sort(took)
		b.ReportMetric(percentile(took, .99), "p99-ack-ms")
		b.ReportMetric(acknowledged.Seconds()*1000, "all-acked-ms")
		b.ReportMetric(w.platform.calls[500].at.Sub(start).Seconds(), "half-answered-s")
		b.ReportMetric(time.Since(start).Seconds(), "all-answered-s")
		stop()
		s.Close()
	}
}

// BenchmarkDay replays 100,000 messages of 5,000 people through intake, dispatcher
// and sender and reports the heap after a collection: at the start, and the highest
// and the last of ten looks on the way.
//
//	go test -run xxx -bench Day -benchtime 1x -timeout 30m ./internal/webhook
func BenchmarkDay(b *testing.B) {
	const messages = 100_000
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				url := b.TempDir() + "/day.db"
				if name == "postgres" {
					url = postgres.Database(b)
				}
				db := openDB(b, url, database.Options{})
				var sent atomic.Int64
				c := &channel{name: "test", secret: secret, send: func(context.Context, string, string) (string, error) {
					sent.Add(1)
					return "ok", nil
				}}
				answer := responder(func(_ context.Context, m webhook.Message, _ []byte, _ func(string)) webhook.Response {
					return webhook.Response{Replies: []webhook.Reply{{Text: m.Text}}, State: []byte(m.Text),
						Outcome: &webhook.Outcome{ID: m.Key, Status: "answered", Body: json.RawMessage(`{"question":"hỏi"}`)}}
				})
				_, stop := run(b, db, answer, []webhook.Line{fast(c)}, webhook.Options{})
				in := webhook.NewIntake(c, db, webhook.IntakeOptions{KeepIn: time.Minute})
				heap := func() float64 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return float64(m.HeapAlloc) / (1 << 20)
				}
				first, highest, last := heap(), 0.0, 0.0
				start := time.Now()
				var next atomic.Int64
				for look := range 10 {
					until := int64(messages / 10 * (look + 1))
					var people sync.WaitGroup
					for range connections {
						people.Go(func() {
							for {
								n := next.Add(1)
								if n > until {
									return
								}
								m := webhook.Message{Channel: "test", Key: fmt.Sprint(n), Dialogue: fmt.Sprint(n % 5000), Person: fmt.Sprint(n % 5000), Kind: webhook.Text, Text: padding}
								if err := in.Take(b.Context(), []webhook.Message{m}); err != nil {
									b.Errorf("message %d: %v", n, err)
								}
								for n > sent.Load()+2000 { // no faster than it is answered
									time.Sleep(time.Millisecond)
								}
							}
						})
					}
					people.Wait()
					next.Store(until)
					last = heap()
					highest = max(highest, last)
				}
				for sent.Load() < messages {
					time.Sleep(time.Millisecond)
				}
				b.ReportMetric(messages/time.Since(start).Seconds(), "msg/s")
				stop()
				last = heap()
				b.ReportMetric(first, "heap-first-MB")
				b.ReportMetric(highest, "heap-highest-MB")
				b.ReportMetric(last, "heap-last-MB")
			}
		})
	}
}
