package openai

import (
	"net/http"
	"testing"
	"time"

	"troly/internal/llm"
)

func TestKindOf(t *testing.T) {
	for _, tt := range []struct {
		status  int
		message string
		want    llm.Kind
	}{
		{http.StatusUnauthorized, "Invalid API Key", llm.Denied},
		{http.StatusTooManyRequests, "slow down", llm.RateLimited},
		{http.StatusTooManyRequests, "You exceeded your quota insufficient_quota", llm.Denied},
		{http.StatusBadRequest, "flagged by content_filter", llm.Refused},
		{http.StatusBadRequest, "request (2703 tokens) exceeds the available context size (512 tokens)", llm.Rejected},
		{http.StatusNotImplemented, "This server does not support embeddings. Start it with `--embeddings`", llm.Rejected},
		{http.StatusServiceUnavailable, "Loading model", llm.Unavailable},
		{http.StatusInternalServerError, "", llm.Unavailable},
	} {
		if got := kindOf(tt.status, tt.message); got != tt.want {
			t.Errorf("kindOf(%d, %q) = %q, want %q", tt.status, tt.message, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "", 0}, {"Retry-After", "3", 3 * time.Second}, {"Retry-After", " 0.5 ", 500 * time.Millisecond}, {"Retry-After", "-1", 0},
		{"Retry-After", "1e300", time.Hour}, {"Retry-After", "NaN", 0}, {"Retry-After", "soon", 0},
		{"Retry-After", "Fri, 27 Nov 2026 08:00:05 GMT", 5 * time.Second}, {"Retry-After", "Fri, 27 Nov 2025 08:00:05 GMT", 0},
		{"Retry-After-Ms", "250", 250 * time.Millisecond},
	} {
		h := http.Header{}
		h.Set(tt.name, tt.value)
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("retryAfter(%s: %q) = %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
}
