package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whoever waits for an issuer that does not answer waits as long as their own request,
// not for everybody before them.
func TestNobodyQueuesForASlowIssuer(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer issuer.Close()
	s := NewSSO(issuer.URL, "c", "s")
	first := make(chan error)
	go func() {
		_, err := s.discover(context.Background())
		first <- err
	}()
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.discover(gone); err == nil {
		t.Error("a request that ended found an issuer that did not answer")
	}
	close(answer)
	if err := <-first; err == nil {
		t.Error("the issuer is broken, and was found")
	}
}
