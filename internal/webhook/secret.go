package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// HasSecret reports whether a delivery carries the secret in exactly one header of that
// name; an empty secret is carried by none. How long it takes says nothing about the
// secret, nor about its length.
func HasSecret(delivery http.Header, name, secret string) bool {
	given := delivery.Values(name)
	if secret == "" || len(given) != 1 {
		return false
	}
	a, b := sha256.Sum256([]byte(given[0])), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
