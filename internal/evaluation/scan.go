package evaluation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
)

// Samples are read by the hundred thousand for figures, and most of a line is text
// that figures do not need. This file skips over JSON without decoding it, five times
// as fast as package json does.

var errJSON = errors.New("no valid JSON")

// eachField calls each with every key of a JSON object and the bytes of its value.
// Keys with escapes are given as they are written.
func eachField(object []byte, each func(key, value []byte) error) error {
	i := skipBlank(object, 0)
	if i >= len(object) || object[i] != '{' {
		return errJSON
	}
	if i = skipBlank(object, i+1); i < len(object) && object[i] == '}' {
		return onlyBlank(object, i+1)
	}
	for {
		start := skipBlank(object, i)
		end := skipString(object, start)
		if end < 0 {
			return errJSON
		}
		i = skipBlank(object, end)
		if i >= len(object) || object[i] != ':' {
			return errJSON
		}
		from := skipBlank(object, i+1)
		to := skipValue(object, from)
		if to < 0 {
			return errJSON
		}
		if err := each(object[start+1:end-1], object[from:to]); err != nil {
			return err
		}
		i = skipBlank(object, to)
		if i >= len(object) {
			return errJSON
		}
		switch object[i] {
		case ',':
			i++
		case '}':
			return onlyBlank(object, i+1)
		default:
			return errJSON
		}
	}
}

func onlyBlank(b []byte, i int) error {
	if skipBlank(b, i) < len(b) {
		return errJSON
	}
	return nil
}

func skipBlank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the end of the string that begins at b[i], or -1.
func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		end := i + n
		escapes := 0
		for k := end - 1; k >= i && b[k] == '\\'; k-- {
			escapes++
		}
		if i = end + 1; escapes%2 == 0 {
			return i
		}
	}
}

// skipValue returns the end of the value that begins at b[i], or -1.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// decode reads the line of a sample as a row.
func (set *rows) decode(line []byte, r *row) error {
	r.values, r.unscored = make([]float64, len(set.metrics)), set.share(nil)
	for i := range r.values {
		r.values[i] = math.NaN()
	}
	var s Sample // of which only what is read here
	err := eachField(line, func(key, value []byte) error {
		switch string(key) {
		case "metrics":
			return set.decodeMetrics(value, r)
		case "unscored":
			return set.decodeReasons(value, r)
		case "understood":
			return eachField(value, func(key, value []byte) error {
				if string(key) != "intent" {
					return nil
				}
				return decodeField(key, value, &s.Understood.Intent)
			})
		}
		if target := fieldOf(&s, r, string(key)); target != nil {
			return decodeField(key, value, target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.take(&s)
	return nil
}

// fieldOf is where a field that figures need is read to; nil: it is skipped.
func fieldOf(s *Sample, r *row, key string) any {
	switch key {
	case "set":
		return &s.Set
	case "case":
		return &r.id
	case "base_id":
		return &r.base
	case "variant":
		return (*string)(&s.Variant)
	case "repeat":
		return &r.repeat
	case "intent":
		return &s.Intent
	case "collection":
		return &s.Collection
	case "audience":
		return &s.Audience
	case "difficulty":
		return &s.Difficulty
	case "split":
		return &s.Split
	case "missed":
		return (*string)(&r.missed)
	case "cached":
		return &r.cached
	case "error":
		return &s.Error
	case "facts":
		return &s.Facts
	case "forbidden":
		return &s.Forbidden
	case "status":
		return (*string)(&s.Status)
	case "timings_ms":
		return &s.Timings
	case "usage":
		return &s.Usage
	}
	return nil
}

// decodeField decodes a value; plain strings, most of what is read, without package
// json.
func decodeField(key, value []byte, target any) error {
	if text, ok := target.(*string); ok && len(value) > 1 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		*text = string(value[1 : len(value)-1])
		return nil
	}
	if err := json.Unmarshal(value, target); err != nil {
		return fmt.Errorf("field %s: %w", key, err)
	}
	return nil
}

// decodeBrief reads the line of a sample: whole when it is not right, else without
// what it said, found and cited.
func decodeBrief(line []byte, s *Sample) error {
	var brief Sample
	var r row // holds what fieldOf gives no field of a sample for
	err := eachField(line, func(key, value []byte) error {
		switch name := string(key); name {
		case "metrics":
			return decodeFigures(value, &brief.Metrics)
		case "unscored", "facts", "usage":
			return nil
		default:
			if target := fieldOf(&brief, &r, name); target != nil {
				return decodeField(key, value, target)
			}
			return nil
		}
	})
	brief.Case, brief.BaseID, brief.Repeat, brief.Missed, brief.Cached = r.id, r.base, r.repeat, r.missed, r.cached
	if err != nil || badness(&brief) > 0 {
		return whole(line, s)
	}
	*s = brief
	return nil
}

// metricsByName are the names of all metrics, so that samples share their letters.
var metricsByName = sync.OnceValue(func() map[string]string {
	names := make(map[string]string)
	for _, m := range Metrics() {
		names[m.Name] = m.Name
	}
	return names
})

// decodeFigures reads the metrics of a sample.
func decodeFigures(object []byte, into *map[string]float64) error {
	if string(object) == "null" {
		return nil
	}
	names := metricsByName()
	list := make(map[string]float64, len(names))
	*into = list
	return eachField(object, func(key, value []byte) error {
		v, err := strconv.ParseFloat(string(value), 64)
		if err != nil {
			return fmt.Errorf("metric %s: %w", key, err)
		}
		name, known := names[string(key)]
		if !known {
			name = string(key)
		}
		list[name] = v
		return nil
	})
}

func (set *rows) decodeMetrics(object []byte, r *row) error {
	if string(object) == "null" {
		return nil
	}
	return eachField(object, func(key, value []byte) error {
		i, known := set.index[string(key)]
		if !known {
			return nil
		}
		v, err := strconv.ParseFloat(string(value), 64)
		if err != nil {
			return fmt.Errorf("metric %s: %w", key, err)
		}
		r.values[i] = v
		return nil
	})
}

// decodeReasons shares the reasons of samples that have the same ones, as most do.
func (set *rows) decodeReasons(object []byte, r *row) error {
	if shared, ok := set.reasons.Load(string(object)); ok {
		r.unscored = shared.(*grounds)
		return nil
	}
	var list map[string]string
	if err := json.Unmarshal(object, &list); err != nil {
		return fmt.Errorf("field unscored: %w", err)
	}
	r.unscored = set.share(list)
	return nil
}
