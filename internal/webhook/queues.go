package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"troly/internal/database"
)

// queues tells at each scrape how much waits.
type queues struct {
	db       *database.DB
	log      *slog.Logger
	now      func() time.Time
	channels []string
	depth    *prometheus.Desc
	age      *prometheus.Desc
}

// WatchQueues registers how much waits in the inbox and the outbox and for how
// long, counted in the database at each scrape. A channel that is named here is
// told of also while nothing waits for it. Replicas tell the same figures: the
// queues are theirs together.
func WatchQueues(registry prometheus.Registerer, db *database.DB, log *slog.Logger, channels ...string) {
	labels := []string{"channel", "queue"}
	registry.MustRegister(&queues{db: db, log: log, now: time.Now, channels: channels,
		depth: prometheus.NewDesc("troly_queue_depth", "What waits or is in work, by queue: inbox (messages), outbox (parts).", labels, nil),
		age:   prometheus.NewDesc("troly_queue_oldest_seconds", "Age of the oldest of them; 0 when nothing waits.", labels, nil)})
}

func (q *queues) Describe(c chan<- *prometheus.Desc) {
	c <- q.depth
	c <- q.age
}

// Collect leaves the figures out when the database does not answer: an alert on
// their absence is right, one on a made-up zero is not.
func (q *queues) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	waiting, err := q.db.Waiting(ctx)
	if err != nil {
		q.log.Warn("queues not counted", "err", err)
		return
	}
	byName := map[string]database.Waiting{}
	for _, name := range q.channels {
		byName[name] = database.Waiting{}
	}
	for _, w := range waiting {
		byName[w.Channel] = w
	}
	for channel, w := range byName {
		for queue, state := range map[string]database.Queue{"inbox": w.Inbox, "outbox": w.Outbox} {
			age := 0.0
			if !state.Oldest.IsZero() {
				age = max(0, q.now().Sub(state.Oldest).Seconds())
			}
			c <- prometheus.MustNewConstMetric(q.depth, prometheus.GaugeValue, float64(state.Open), channel, queue)
			c <- prometheus.MustNewConstMetric(q.age, prometheus.GaugeValue, age, channel, queue)
		}
	}
}
