package database

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"troly/internal/database/databasetest"
)

// durable syncs to the disk, as a server in use does.
var durable = databasetest.Server{URL: os.Getenv("POSTGRES_TEST_URL"), Durable: true}

// onBoth runs a benchmark on both databases, with as many rows in a commit as wait
// and with one row in each.
func onBoth(b *testing.B, bench func(b *testing.B, db *DB)) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			url := filepath.Join(b.TempDir(), "troly.db")
			if name == "postgres" {
				b.Cleanup(durable.Stop)
				url = durable.Database(b)
			}
			for _, grouped := range []bool{false, true} {
				mode := "one-row-per-commit"
				if grouped {
					mode = "group-commit"
				}
				b.Run(mode, func(b *testing.B) {
					db := openQuiet(b, url)
					if !grouped {
						db.writer.most = 1
					}
					bench(b, db)
				})
			}
		})
	}
}

// callers runs f b.N times from n goroutines.
func callers(b *testing.B, n int, f func(i int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					return
				}
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

var run atomic.Int64 // keys of one benchmark are not those of another

func row(prefix int64, i int) Received {
	return Received{Channel: "telegram", Key: fmt.Sprintf("%d.%d", prefix, i), Dialogue: fmt.Sprint(i % 1000), Person: fmt.Sprint(i % 1000), Body: body}
}

// body has the size of an ordinary message.
var body = []byte(`{"channel":"telegram","key":"123456789","dialogue":"987654321","person":"987654321","kind":"text","text":"Cho tôi hỏi làm giấy khai sinh cho con mới sinh cần những giấy tờ gì, nộp ở đâu và mất bao lâu ạ?","sent":"2026-11-27T08:00:00Z","address":{"chat":987654321,"message":42}}`)

// BenchmarkReceive measures durable acknowledgements: what a webhook waits for.
func BenchmarkReceive(b *testing.B) {
	onBoth(b, func(b *testing.B, db *DB) {
		db.most = 1 << 30
		for _, n := range []int{1, 40, 100} {
			b.Run(fmt.Sprint("callers=", n), func(b *testing.B) {
				prefix := run.Add(1)
				callers(b, n, func(i int) error {
					_, err := db.Receive(context.Background(), row(prefix, i))
					return err
				})
			})
		}
	})
}

// BenchmarkReceiveCompared does both ways in turns, a few rows each, so that what
// else the machine does meets both alike: times-faster is what group commit gains.
func BenchmarkReceiveCompared(b *testing.B) {
	for _, n := range []int{40, 100} {
		b.Run(fmt.Sprint("callers=", n), func(b *testing.B) {
			var dbs [2]*DB
			for i := range dbs {
				dbs[i] = openQuiet(b, filepath.Join(b.TempDir(), "troly.db"))
			}
			dbs[0].writer.most = 1
			var took [2]time.Duration
			var rows int
			const turn = 400
			for ; rows < b.N; rows += turn {
				for mode, db := range dbs {
					began := time.Now()
					var next atomic.Int64
					var wg sync.WaitGroup
					for range n {
						wg.Go(func() {
							for i := next.Add(1); i <= turn; i = next.Add(1) {
								if _, err := db.Receive(context.Background(), row(0, rows+int(i))); err != nil {
									b.Error(err)
								}
							}
						})
					}
					wg.Wait()
					took[mode] += time.Since(began)
				}
			}
			b.ReportMetric(float64(rows)/took[0].Seconds(), "alone-rows/s")
			b.ReportMetric(float64(rows)/took[1].Seconds(), "grouped-rows/s")
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "times-faster")
		})
	}
}

// BenchmarkMessage measures the whole way of a message through the database:
// received, given out, finished with an outcome and a part, the part given out, sent.
func BenchmarkMessage(b *testing.B) { onBoth(b, messages) }

// BenchmarkMessageAmongMany is BenchmarkMessage with 100,000 messages done and
// 40,000 more waiting behind one busy dialogue and 10,000 held back: it should be
// as fast.
func BenchmarkMessageAmongMany(b *testing.B) {
	onBoth(b, func(b *testing.B, db *DB) {
		db.most = 1 << 30
		for _, fill := range []string{
			`INSERT INTO inbox (channel, key, dialogue, person, body, at, seen, done, finished) SELECT 'telegram', 'done ' || n, 'd' || n % 5000, 'p' || n % 5000, '', n, n, 1, n FROM n WHERE true`,
			`INSERT INTO outbox (channel, dialogue, person, body, created, done, finished) SELECT 'telegram', 'd' || n % 5000, 'p' || n % 5000, '', n, 1, n FROM n WHERE true`,
			`INSERT INTO outcomes (id, channel, dialogue, person, status, at, question, words, documents, failed, answer, body) SELECT 'o' || n, 'telegram', 'd' || n % 5000, 'p' || n % 5000, 'answered', n, '', '', '', '', '', '' FROM n WHERE true`,
			`INSERT INTO inbox (channel, key, dialogue, person, body, at, seen) SELECT 'telegram', 'waiting ' || n, CASE WHEN n < 40000 THEN 'busy' ELSE 'w' || n END, 'p', '', n, n FROM n WHERE n < 50000`,
			`INSERT INTO lanes (box, channel, dialogue, ready) SELECT DISTINCT 0, channel, dialogue, 9000000000000 FROM inbox WHERE done = 0`,
		} {
			err := db.write(context.Background(), "fill", func(t *tx) error {
				_, err := t.exec("WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 99999) " + fill + " ON CONFLICT DO NOTHING")
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		messages(b, db)
	})
}

func messages(b *testing.B, db *DB) {
	ctx := context.Background()
	prefix := run.Add(1)
	callers(b, 40, func(i int) error {
		r := row(prefix, i)
		r.Dialogue = r.Key // one message each, so that nobody waits for another
		if _, err := db.Receive(ctx, r); err != nil {
			return err
		}
		jobs, err := db.Next(ctx, "w", 1, time.Minute)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := db.Finish(ctx, j, Result{State: body, Parts: [][]byte{body}, Outcome: &Outcome{ID: j.Key, Status: "answered", Body: body}}); err != nil {
				return err
			}
		}
		parts, err := db.NextOut(ctx, "s", "telegram", 1, time.Minute)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := db.Sent(ctx, p, "1"); err != nil {
				return err
			}
		}
		return nil
	})
}
