package evaluation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"troly/internal/llm"
)

// Files of a run directory.
const (
	manifestFile = "manifest.json"
	settingsFile = "effective.config.json"
	samplesFile  = "samples.jsonl"
	judgeFile    = "judge.jsonl"
	casesFolder  = "cases"
)

// Manifest says what a run is: everything needed to know what its figures are about
// and to repeat it.
type Manifest struct {
	SchemaVersion int               `json:"schema_version"` // 1
	Run           string            `json:"run"`
	State         string            `json:"state"` // running, complete, incomplete or interrupted
	Started       time.Time         `json:"started"`
	Finished      time.Time         `json:"finished,omitzero"`
	Sets          map[string]int    `json:"sets"` // name -> cases asked, variants included
	Data          string            `json:"data"` // hash of all cases asked
	Cases         int               `json:"cases"`
	Skipped       []string          `json:"skipped,omitempty"` // cases that do not hold on their day
	Variants      []Variant         `json:"variants"`
	Seed          uint64            `json:"seed"`
	Repeat        int               `json:"repeat"`
	Stages        []Stage           `json:"stages"`
	Judge         string            `json:"judge,omitempty"`
	Versions      map[string]string `json:"versions"` // build, executable, go, git revision, knowledge, model, ...
	Tags          map[string]string `json:"tags,omitempty"`
	Price         *llm.Price        `json:"price_per_million_tokens,omitempty"` // nil: cost is not told
}

// Run is a run directory.
type Run struct {
	Dir      string
	Manifest Manifest
}

// ErrRunExists is a run directory that is there already.
var ErrRunExists = errors.New("there is a run already: --resume goes on with it, or name another folder")

// ErrOtherCases is a run that cannot be resumed because it has samples of other
// questions: its figures would be of both.
var ErrOtherCases = errors.New("the run is of other questions or of more repeats: --resume alone goes on with its own, or name another folder")

// CreateRun makes a run directory, with the cases, the manifest and the effective
// settings in it. To resume, the directory may hold a run of some of the cases; its
// samples are kept.
func CreateRun(dir string, m Manifest, cases []Case, settings any, resume bool) (*Run, error) {
	_, err := os.Stat(filepath.Join(dir, manifestFile))
	switch {
	case err == nil && !resume:
		return nil, fmt.Errorf("%s: %w", dir, ErrRunExists)
	case err == nil:
		old, err := OpenRun(dir)
		if err != nil {
			return nil, err
		}
		if err := old.fits(cases, max(m.Repeat, 1)); err != nil {
			return nil, err
		}
		m.Run, m.Started = old.Manifest.Run, old.Manifest.Started
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("run directory: %w", err)
	}
	r := &Run{Dir: dir, Manifest: m}
	if err := r.writeCases(cases); err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	if err := errors.Join(writeFile(r.file(settingsFile), settings), r.save()); err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	return r, nil
}

// fits reports whether all samples of the run are of these cases.
func (r *Run) fits(cases []Case, repeat int) error {
	asked := make(map[string]bool, len(cases))
	for i := range cases {
		asked[cases[i].ID] = true
	}
	return eachLine(r.file(samplesFile), decodeAttempt, func(_ int, a *attempt) error {
		if !asked[a.Case] || a.Repeat >= repeat {
			return fmt.Errorf("%s: %w", r.Dir, ErrOtherCases)
		}
		return nil
	})
}

// OpenRun opens a run directory.
func OpenRun(dir string) (*Run, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no run directory: it has no %s", dir, manifestFile)
	}
	if err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	r := &Run{Dir: dir}
	if err := json.Unmarshal(data, &r.Manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestFile), jsonError(err))
	}
	if r.Manifest.SchemaVersion != 1 {
		return nil, fmt.Errorf("%s: schema_version %d: this program reads 1", filepath.Join(dir, manifestFile), r.Manifest.SchemaVersion)
	}
	return r, nil
}

func (r *Run) file(name string) string { return filepath.Join(r.Dir, name) }

func (r *Run) save() error { return writeFile(r.file(manifestFile), r.Manifest) }

// writeCases keeps the cases as they are asked, variants included, as sets of their
// own: the run can be scored again when the sets have moved on.
func (r *Run) writeCases(cases []Case) error {
	if err := os.MkdirAll(r.file(casesFolder), 0o755); err != nil {
		return err
	}
	sets := make(map[string]*bytes.Buffer)
	for i := range cases {
		b := sets[cases[i].Set]
		if b == nil {
			b = new(bytes.Buffer)
			sets[cases[i].Set] = b
		}
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(cases[i]); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(r.file(filepath.Join(casesFolder, "*.jsonl")))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for name, b := range sets {
		if err := os.WriteFile(r.file(filepath.Join(casesFolder, name+".jsonl")), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Cases returns the cases of the run by ID.
func (r *Run) Cases() (map[string]*Case, error) {
	all := make(map[string]*Case)
	for c, err := range r.eachCase() {
		if err != nil {
			return nil, err
		}
		all[c.ID] = c
	}
	return all, nil
}

// eachCase yields the cases of the run and holds no more than one set at a time.
func (r *Run) eachCase() iter.Seq2[*Case, error] {
	return func(yield func(*Case, error) bool) {
		names, err := filepath.Glob(r.file(filepath.Join(casesFolder, "*.jsonl")))
		if err != nil {
			yield(nil, err)
			return
		}
		slices.Sort(names)
		for _, name := range names {
			cases, err := Load(os.DirFS(r.file(casesFolder)), filepath.Base(name))
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range cases {
				if !yield(&cases[i], nil) {
					return
				}
			}
		}
	}
}

// casesNamed returns those cases that are wanted, by ID; of the others only the ID is
// read. The run has written them itself: they are not validated again.
func (r *Run) casesNamed(wanted map[string]bool) (map[string]*Case, error) {
	names, err := filepath.Glob(r.file(filepath.Join(casesFolder, "*.jsonl")))
	if err != nil {
		return nil, err
	}
	decode := func(line []byte, c **Case) error {
		var id string
		err := eachField(line, func(key, value []byte) error {
			if string(key) == "id" {
				return decodeField(key, value, &id)
			}
			return nil
		})
		if err != nil || !wanted[id] {
			return err
		}
		*c = new(Case)
		return whole(line, *c)
	}
	found := make(map[string]*Case, len(wanted))
	for _, name := range names {
		err := eachLine(name, decode, func(_ int, c **Case) error {
			if *c != nil {
				found[(*c).ID] = *c
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// attempt names a sample of a run.
type attempt struct {
	Case   string `json:"case"`
	Repeat int    `json:"repeat"`
}

// decodeAttempt reads only the name of a sample.
func decodeAttempt(line []byte, a *attempt) error {
	return eachField(line, func(key, value []byte) error {
		switch string(key) {
		case "case":
			return decodeField(key, value, &a.Case)
		case "repeat":
			return decodeField(key, value, &a.Repeat)
		}
		return nil
	})
}

// Samples yields the samples of the run in the order of the file, with what a judge
// said of them. Of a sample that was asked again only the last line counts.
func (r *Run) Samples() iter.Seq2[*Sample, error] { return r.samples(whole) }

// Brief is Samples that decodes of what is right no more than status, time and
// figures, which takes a quarter of the time: texts are read of what is wrong only.
func (r *Run) Brief() iter.Seq2[*Sample, error] { return r.samples(decodeBrief) }

func (r *Run) samples(decode func(line []byte, s *Sample) error) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		last := make(map[attempt]int)
		if err := eachLine(r.file(samplesFile), decodeAttempt, func(n int, a *attempt) error {
			last[*a] = n
			return nil
		}); err != nil {
			yield(nil, err)
			return
		}
		judged, err := r.judged()
		if err != nil {
			yield(nil, err)
			return
		}
		stop := errors.New("no more is wanted")
		err = eachLine(r.file(samplesFile), decode, func(n int, s *Sample) error {
			at := attempt{s.Case, s.Repeat}
			if last[at] != n {
				return nil
			}
			s.Outcome.Error = s.Error
			judged[at].addTo(s.Metrics, &s.Unscored)
			if !yield(s, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(nil, err)
		}
	}
}

// judged returns the last verdict on each sample.
func (r *Run) judged() (map[attempt]*Judged, error) {
	all := make(map[attempt]*Judged)
	err := eachLine(r.file(judgeFile), whole, func(_ int, j *Judged) error {
		all[attempt{j.Case, j.Repeat}] = j
		return nil
	})
	return all, err
}

// addTo adds a judge's metrics to those of a sample.
func (j *Judged) addTo(metrics map[string]float64, unscored *map[string]string) {
	if j == nil || metrics == nil {
		return
	}
	maps.Copy(metrics, j.Metrics)
	if len(j.Unscored) > 0 {
		merged := maps.Clone(j.Unscored)
		maps.Copy(merged, *unscored)
		*unscored = merged
	}
}

// hash is a short name for anything that can be written as JSON.
func hash(parts ...any) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, p := range parts {
		if err := enc.Encode(p); err != nil {
			fmt.Fprintf(h, "%#v", p) // values of this package always encode
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// DataHash names a set of cases, in any order. Difficulty is left out: it labels a
// question and may depend on the knowledge (see Rate).
func DataHash(cases []Case) string {
	hashes := make([]string, len(cases))
	for i, c := range cases {
		c.Difficulty = ""
		hashes[i] = hash(c)
	}
	slices.Sort(hashes)
	return hash(hashes)
}
