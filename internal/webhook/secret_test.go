package webhook_test

import (
	"net/http"
	"testing"

	"troly/internal/webhook"
)

func TestHasSecret(t *testing.T) {
	const name = "X-Secret"
	for _, tt := range []struct {
		given  []string
		secret string
		want   bool
	}{
		{[]string{"s3cret"}, "s3cret", true},
		{[]string{"S3cret"}, "s3cret", false},
		{[]string{"s3cret "}, "s3cret", false},
		{[]string{"s3cret", "s3cret"}, "s3cret", false}, // whose is the second?
		{nil, "s3cret", false},
		{nil, "", false},
		{[]string{""}, "", false}, // a channel without a secret takes nothing
	} {
		if got := webhook.HasSecret(http.Header{name: tt.given}, name, tt.secret); got != tt.want {
			t.Errorf("HasSecret(%q, %q) = %v, want %v", tt.given, tt.secret, got, tt.want)
		}
	}
}
