package qdrant

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Address is a server's gRPC address.
type Address struct {
	host string // IPv6 in brackets: the client puts ":port" behind it
	port int
	tls  bool
}

// defaultPort is Qdrant's gRPC port, restPort the one that people write instead.
const (
	defaultPort = 6334
	restPort    = 6333
)

// ParseURL reads http://host, http://host:port, or the same with https for TLS. The
// error says what to write.
func ParseURL(raw string) (Address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Address{}, fmt.Errorf("address %q of Qdrant: write http://host:6334, or https:// for TLS", raw)
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Address{}, fmt.Errorf("address of Qdrant at %s: only scheme, host and port; the API key is a setting of its own", u.Host)
	}
	a := Address{host: u.Hostname(), port: defaultPort, tls: u.Scheme == "https"}
	if strings.Contains(a.host, ":") {
		a.host = "[" + a.host + "]"
	}
	if p := u.Port(); p != "" {
		if a.port, err = strconv.Atoi(p); err != nil || a.port < 1 || a.port > 65535 {
			return Address{}, fmt.Errorf("address %q of Qdrant: port %s is not within 1 to 65535", raw, p)
		}
	}
	if a.port == restPort {
		return Address{}, fmt.Errorf("address %q of Qdrant: 6333 is its REST port; write the gRPC port, usually 6334", raw)
	}
	return a, nil
}
