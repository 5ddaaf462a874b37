package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"troly/internal/web"
)

// Who sends a byte now and then is sent away: the header may take five seconds, the
// whole request fifteen, here in hundredths.
func TestSlowSendersAreSentAway(t *testing.T) {
	server := newServer(web.New(web.Options{Log: quietLog, Responder: switchedPage{}}))
	for _, limit := range []*time.Duration{&server.ReadHeaderTimeout, &server.ReadTimeout, &server.WriteTimeout, &server.IdleTimeout} {
		*limit /= 100
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { server.Close() })
	head := func(path, kind string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAccept: application/json, text/event-stream\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n", path, kind)
	}
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, begin, then string // then is sent again and again
		status            int    // of the answer; 0: none comes
	}{
		{"silent", "", "", 0},
		{"half a header", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", 0},
		{"a header without end", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "x", 0},
		{"silent after an answer", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "", 200},
		{"half a question", head("/api/v1/ask", "application/json") + `{"question":"`, "", 400},
		{"a question without end", head("/api/v1/ask", "application/json") + `{"question":"`, "x", 400},
		{"a completion without end", head("/v1/chat/completions", "application/json") + `{"model":"`, "x", 400},
		{"a tool call without end", head("/mcp", "application/json") + `{"jsonrpc":"`, "x", 400},
		{"a form without end", head("/", form) + "q=", "x", 400},
		{"a streamed form without end", head("/chat", form) + "q=", "x", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.begin); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			defer close(ended)
			go func() {
				for tt.then != "" {
					select {
					case <-ended:
						return
					case <-time.After(10 * time.Millisecond):
						_, _ = io.WriteString(conn, tt.then) // fails once the server is gone
					}
				}
			}()
			// Without limits the connection would stay; this is when the test gives up.
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			begun := time.Now()
			said, err := io.ReadAll(conn)
			if timeout, is := err.(net.Error); is && timeout.Timeout() {
				t.Fatalf("still connected after %v, said %q", time.Since(begun), said)
			}
			status := 0
			if resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(said))), nil); err == nil {
				status = resp.StatusCode
			}
			if status != tt.status {
				t.Errorf("answered %d, want %d: %s", status, tt.status, said)
			}
			if strings.Contains(string(said), listener.Addr().String()) || strings.Contains(string(said), "read tcp") {
				t.Errorf("the answer tells of the connection: %s", said)
			}
		})
	}
}
