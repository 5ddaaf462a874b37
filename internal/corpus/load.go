package corpus

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"troly/internal/vietnamese"
)

// Collections are the folders of the knowledge that hold documents.
var collections = [...]string{"procedures", "skills", "local"}

// Tables are the files beside them.
var tables = [...]string{"contacts.yaml", "emergencies.yaml", "glossary.yaml", "outside.yaml", unitsFile}

// Library is all knowledge, read and ready to look things up in. It does not
// change after Load; any number of goroutines may read it.
type Library struct {
	Version   string             `json:"version"` // hash of all files; names the knowledge in every outcome
	Documents []*Document        `json:"documents"`
	Glossary  []vietnamese.Entry `json:"glossary"`
	Contacts  []Contact          `json:"contacts"`
	Outside   []Outside          `json:"outside"`
	Units     *Units             `json:"units"` // never nil
	// Emergencies are recognised before anything is looked up.
	Emergencies Emergencies `json:"emergencies"`

	// Public are the telephone numbers and mail addresses of the contacts and of the
	// typed fields of documents: they are nobody's private data.
	Public []string `json:"public"`
	// Words counts in how many documents a word occurs, as written (lower case)
	// and without diacritics: the rarer, the more it tells.
	Words map[string]int `json:"words"`
	// Vocabulary holds the syllables and their neighbours in all documents, for
	// restoring diacritics the way this knowledge uses them.
	Vocabulary *vietnamese.Vocabulary `json:"-"`

	byID   map[string]*Document
	unread map[string]bool   // IDs, by their files' names, of documents that Load could not read
	bases  map[string][]base // folded fact name -> the rows that define it, over time
}

type base struct {
	doc  *Document
	fact *Fact
}

// Outside is a matter that the assistant recognises and does not answer: the better
// it knows what people ask beside its knowledge, the less it mistakes one thing for
// another.
type Outside struct {
	ID    string      `yaml:"id" json:"id"`
	Kind  OutsideKind `yaml:"kind" json:"kind"`
	Title string      `yaml:"title" json:"title"`
	Asked []string    `yaml:"asked" json:"asked"`
}

// OutsideKind is why a matter is not answered.
type OutsideKind string

// The kinds of outside matters.
const (
	Uncovered OutsideKind = "uncovered" // a public service the knowledge has nothing on
	OffTopic  OutsideKind = "off_topic"
	Harmful   OutsideKind = "harmful"
	Personal  OutsideKind = "personal" // somebody's data, or the state of a file
	Advice    OutsideKind = "advice"   // who is right, what to decide
	Told      OutsideKind = "told"     // what people tell of themselves before they say what they need
	InDanger  OutsideKind = "danger"   // an emergency or a fraud, from emergencies.yaml
)

// Load reads the knowledge under fsys. A file that cannot be read as knowledge is
// left out and named in problems; err is returned only when there is nothing to
// work with at all.
func Load(fsys fs.FS) (lib *Library, problems []Problem, err error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, nil, err
	}
	lib = &Library{Version: version(files), unread: make(map[string]bool)}
	parsed := make([]*Document, len(files))
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // YAML decoding is the slow part of a first start
	for i, f := range files {
		if f.err != nil {
			errs[i] = Problem{File: f.name, Message: fmt.Sprintf("%v: make the file readable", f.err)}
			continue
		}
		if !strings.HasSuffix(f.name, ".md") {
			errs[i] = lib.readTable(f)
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			parsed[i], errs[i] = parseDocument(f.name, f.data)
		})
	}
	wg.Wait()
	for i, f := range files {
		if id, isDocument := strings.CutSuffix(path.Base(f.name), ".md"); isDocument && errs[i] != nil {
			lib.unread[id] = true
		}
		var p Problem
		switch {
		case errors.As(errs[i], &p):
			problems = append(problems, p)
		case errs[i] != nil:
			problems = append(problems, Problem{File: f.name, Message: errs[i].Error()})
		case parsed[i] != nil:
			lib.Documents = append(lib.Documents, parsed[i])
		}
	}
	if len(lib.Documents) == 0 {
		return nil, problems, errors.New("no knowledge document found: the folder needs procedures/, skills/ or local/ with .md files")
	}
	problems = append(problems, lib.dropDuplicates()...)
	lib.addEmergencies()
	lib.index()
	lib.gather()
	return lib, problems, nil
}

// gather makes what is kept in the cache because it takes long to find: the words and
// numbers in all documents.
func (l *Library) gather() {
	var wg sync.WaitGroup
	wg.Go(func() { l.Words, l.Public = l.countWords(), l.publicNumbers() })
	l.Vocabulary = l.vocabulary()
	wg.Wait()
}

// countWords returns how many documents each word stands in, with its diacritics and
// without.
func (l *Library) countWords() map[string]int {
	words := make(map[string]int)
	var tokens []vietnamese.Token
	for _, d := range l.Documents {
		seen := make(map[string]bool)
		for _, text := range l.texts(d) {
			tokens = vietnamese.Tokenize(tokens[:0], text)
			for _, t := range tokens {
				seen[t.Text], seen[t.Folded] = true, true
			}
		}
		for word := range seen {
			words[word]++
		}
	}
	return words
}

// vocabulary returns the words that diacritics are restored by. Texts without any
// would teach it to leave them out.
func (l *Library) vocabulary() *vietnamese.Vocabulary {
	v := vietnamese.NewVocabulary()
	add := func(texts []string) {
		for _, text := range texts {
			if !vietnamese.MissingDiacritics(text) {
				v.Add(text)
			}
		}
	}
	for _, d := range l.Documents {
		add(l.texts(d))
	}
	for _, d := range l.Documents { // names as they stand in questions: "sổ đỏ cần" is no "số đó cần"
		for _, name := range slices.Concat(d.Aliases, d.Usual) {
			for _, rest := range []string{" cần giấy tờ gì", " hết bao nhiêu", " làm ở đâu", " mất bao lâu", " có"} {
				v.Add(name + rest)
			}
		}
	}
	for _, o := range l.Outside { // what people tell of danger, and ask beside the documents, is in other words
		add(o.Asked)
	}
	return v
}

// texts are all words of a document: names, asked questions, sections.
func (l *Library) texts(d *Document) []string {
	texts := append([]string{d.Title, d.Field}, d.Aliases...)
	texts = append(texts, d.Asked...)
	for _, s := range l.Passages(d) {
		texts = append(texts, s.Body)
	}
	return texts
}

type file struct {
	name string
	data []byte
	err  error // it could not be read
}

// readFiles returns the documents and tables under fsys, sorted by name. A
// collection's README.md is for its editors and no document.
func readFiles(fsys fs.FS) ([]file, error) {
	var files []file
	add := func(name string) {
		f, err := fsys.Open(name)
		if err != nil {
			files = append(files, file{name, nil, err})
			return
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
		files = append(files, file{name, data, err})
	}
	for _, dir := range collections {
		entries, err := fs.ReadDir(fsys, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read knowledge: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() || !strings.HasSuffix(e.Name(), ".md") || e.Name() == "README.md" || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			add(path.Join(dir, e.Name()))
		}
	}
	for _, table := range tables {
		if _, err := fs.Stat(fsys, table); !errors.Is(err, fs.ErrNotExist) {
			add(table)
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return files, nil
}

func (l *Library) readTable(f file) error {
	switch f.name {
	case "glossary.yaml":
		return decodeYAML(f.name, string(f.data), 0, &l.Glossary)
	case "outside.yaml":
		return decodeYAML(f.name, string(f.data), 0, &l.Outside)
	case "emergencies.yaml":
		return decodeYAML(f.name, string(f.data), 0, &l.Emergencies)
	case "contacts.yaml":
		return decodeYAML(f.name, string(f.data), 0, &l.Contacts)
	case unitsFile:
		var err error
		l.Units, err = readUnits(f)
		return err
	}
	return nil
}

// Version hashes the knowledge files under fsys without reading them as
// knowledge, so that a cached Library can be checked against them quickly.
func Version(fsys fs.FS) (string, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return "", err
	}
	return version(files), nil
}

func version(files []file) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s %d\n", f.name, len(f.data))
		h.Write(f.data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// dropDuplicates keeps the first document of each ID, in file order.
func (l *Library) dropDuplicates() []Problem {
	var problems []Problem
	seen := make(map[string]string)
	l.Documents = slices.DeleteFunc(l.Documents, func(d *Document) bool {
		first, dup := seen[d.ID]
		if dup {
			problems = append(problems, Problem{d.File, 2, fmt.Sprintf("id %q is already used by %s: give this document its own", d.ID, first)})
		}
		seen[d.ID] = d.File
		return dup
	})
	return problems
}

// index builds the lookup tables; called once, after the documents are complete.
func (l *Library) index() {
	slices.SortFunc(l.Documents, func(a, b *Document) int { return cmp.Compare(a.ID, b.ID) })
	l.byID = make(map[string]*Document, len(l.Documents))
	l.bases = make(map[string][]base)
	if l.Units == nil {
		l.Units = new(Units)
	}
	l.Units.prepare()
	for _, d := range l.Documents {
		l.byID[d.ID] = d
		for _, rows := range [][]Fact{d.Fees, d.Durations, d.Amounts} {
			for i := range rows {
				if rows[i].Name != "" {
					key := vietnamese.Fold(rows[i].Name)
					l.bases[key] = append(l.bases[key], base{d, &rows[i]})
				}
			}
		}
	}
}

// Document returns the document with that ID, or nil.
func (l *Library) Document(id string) *Document { return l.byID[id] }

// Section returns the section with that ID, or nil.
func (d *Document) Section(id string) *Section {
	i := slices.IndexFunc(d.Sections, func(s Section) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return &d.Sections[i]
}
