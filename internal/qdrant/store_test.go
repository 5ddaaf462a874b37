package qdrant_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/google/uuid"

	"troly/internal/qdrant"
	"troly/internal/qdrant/qdranttest"
	"troly/internal/vectorstore"
	"troly/internal/vectorstore/vectorstoretest"
)

// open returns the store of a version that is published with no point in it.
func open(t *testing.T, opts qdrant.Options) *qdrant.Store {
	t.Helper()
	if opts.Schema.Sparse == nil && opts.Schema.Dense == nil {
		opts.Schema = vectorstoretest.Schema()
	}
	s, err := qdrant.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func published(t *testing.T, opts qdrant.Options) *qdrant.Store {
	t.Helper()
	s := open(t, opts)
	if err := s.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	vectorstoretest.Run(t, func(t *testing.T) vectorstore.Store {
		return published(t, qdrant.Options{URL: qdranttest.New(t).URL})
	})
}

// TestRealStore runs the suite on a server given by QDRANT_TEST_URL (with
// QDRANT_TEST_API_KEY), in collections of its own.
func TestRealStore(t *testing.T) {
	url := os.Getenv("QDRANT_TEST_URL")
	if url == "" {
		t.Skip("QDRANT_TEST_URL is not set")
	}
	vectorstoretest.Run(t, func(t *testing.T) vectorstore.Store {
		s := published(t, qdrant.Options{URL: url, APIKey: os.Getenv("QDRANT_TEST_API_KEY"), Collection: "troly-test-" + uuid.NewString(), Version: t.Name()})
		t.Cleanup(func() {
			if err := s.Drop(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, "leftovers:", err)
			}
		})
		return s
	})
}
