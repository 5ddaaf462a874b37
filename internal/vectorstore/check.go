package vectorstore

import "fmt"

// CheckPoint returns an ErrBadQuery when the store of this schema cannot hold p.
func (s Schema) CheckPoint(p *Point) error {
	if p.ID == "" {
		return fmt.Errorf("point without ID: %w", ErrBadQuery)
	}
	for name, v := range p.Dense {
		if dims, ok := s.Dense[name]; !ok || len(v) != dims {
			return fmt.Errorf("point %s: dense vector %q with %d dimensions: %w", p.ID, name, len(v), ErrBadQuery)
		}
	}
	for name, v := range p.Sparse {
		if _, ok := s.Sparse[name]; !ok || len(v.Indices) != len(v.Values) {
			return fmt.Errorf("point %s: sparse vector %q: %w", p.ID, name, ErrBadQuery)
		}
		for i := 1; i < len(v.Indices); i++ {
			if v.Indices[i] <= v.Indices[i-1] {
				return fmt.Errorf("point %s: indices of %q do not rise: %w", p.ID, name, ErrBadQuery)
			}
		}
	}
	return nil
}

// CheckQuery returns an ErrBadQuery when the store of this schema cannot answer q.
func (s Schema) CheckQuery(q Query) error {
	if q.Limit < 1 || q.Limit > MaxLimit {
		return fmt.Errorf("limit %d is not within 1 to %d: %w", q.Limit, MaxLimit, ErrBadQuery)
	}
	if q.Sparse != nil {
		if _, ok := s.Sparse[q.Using]; !ok || q.Dense != nil || len(q.Sparse.Indices) != len(q.Sparse.Values) {
			return fmt.Errorf("sparse search of %q: %w", q.Using, ErrBadQuery)
		}
		return nil
	}
	if dims, ok := s.Dense[q.Using]; !ok || len(q.Dense) != dims {
		return fmt.Errorf("dense search of %q with %d dimensions: %w", q.Using, len(q.Dense), ErrBadQuery)
	}
	return nil
}
