// Package openai gives the program models of a service that speaks the OpenAI API:
// OpenAI itself, vLLM, Ollama, llama.cpp, LM Studio, FPT and others. They differ in
// the fields they accept; what a server will not have is found by trying once and
// remembered. Deadlines between attempts, retries and fallbacks are package llm's.
package openai

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	api "github.com/sashabaranov/go-openai"
)

// DefaultURL is OpenAI's own address.
const DefaultURL = "https://api.openai.com/v1"

// Config says where a service is; the zero value of each field means its default, in
// brackets.
type Config struct {
	BaseURL string       // (DefaultURL)
	Key     string       // none for most local servers
	HTTP    *http.Client // (one that connects in 3 s and keeps 64 connections)
}

// Client talks to one service. Any number of goroutines may use it.
type Client struct {
	api *api.Client
}

// New returns a client; it does not touch the network.
func New(cfg Config) *Client {
	config := api.DefaultConfig(cfg.Key)
	config.BaseURL = DefaultURL
	if cfg.BaseURL != "" {
		config.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Transport: transport()}
	}
	config.HTTPClient = &doer{cfg.HTTP}
	return &Client{api.NewClientWithConfig(config)}
}

// transport is the usual one, but gives up early on a server that is not there, and
// keeps the connections of many questions at once. Deadlines of a whole call are the
// context's.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 3 * time.Second
	t.MaxIdleConnsPerHost = 64
	return t
}

// maxBody is how much of a reply is read: 2048 vectors of 3072 numbers as text have
// under 100 MiB.
const (
	maxBody      = 128 << 20
	maxErrorBody = 16 << 10
)

// doer sends requests and notes what go-openai drops: when to come back after a
// refusal, and whether a stream was ended properly.
type doer struct{ client *http.Client }

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	note := noteOf(req.Context())
	limit, atLimit := int64(maxBody), io.ErrUnexpectedEOF
	if resp.StatusCode >= http.StatusBadRequest {
		limit, atLimit = maxErrorBody, io.EOF // its beginning says why
		note.retryAfter = retryAfter(resp.Header, time.Now())
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, left: limit, atLimit: atLimit, note: note}
	return resp, nil
}

// watchedBody reads at most left bytes and looks for the mark that ends a stream.
type watchedBody struct {
	io.ReadCloser
	left    int64
	atLimit error
	tail    string
	note    *note
}

// doneMark ends a stream of events.
const doneMark = "data: [DONE]"

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.atLimit
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	seen := b.tail + string(p[max(0, n-64):n])
	b.note.done = b.note.done || strings.Contains(seen, doneMark)
	b.tail = seen[max(0, len(seen)-len(doneMark)):]
	return n, err
}
