package qdrant

import "context"

// Destroy deletes the version: tests on a real server leave nothing behind.
func (s *Store) Destroy(ctx context.Context) error { return s.drop(ctx, s.Collection()) }
