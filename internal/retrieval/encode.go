package retrieval

import (
	"fmt"
	"strings"

	"troly/internal/corpus"
	"troly/internal/vectorstore"
)

// Names of the vectors. Sections and the questions people ask are in vectors of
// their own, so that each has document frequencies of its own kind.
const (
	textVector    = "text"
	askedVector   = "asked"
	profileVector = "profile"
	classAccented = "class"        // weights of the classifier, see classifier.go
	classFolded   = "class_folded" // likewise, without diacritics
)

// The fields of a section and of an asked question, with figures chosen on
// eval/sets and four foreign collections together. The text of a section begins with
// its title and heading, so that a word of the title and one of the body weigh as
// parts of one text; titles count once more by themselves. Lengths are normalised
// half as strongly as in plain BM25: a length is neutral at twice the mean.
var (
	textFields    = sectionFields(meanSection)
	profileFields = vectorstore.BM25{Fields: []vectorstore.Field{{Name: "p", B: 0.6, Average: 450}}}
	askedFields   = vectorstore.BM25{Fields: []vectorstore.Field{{Name: "q", B: 0.3, Average: 14}}}
)

// meanSection is the length of a section of the knowledge in syllables, about. It is
// a constant: with the mean itself, one new document would change all vectors.
const meanSection = 90

func sectionFields(mean float64) vectorstore.BM25 {
	return vectorstore.BM25{Fields: []vectorstore.Field{
		{Name: "t", B: 0.75, Average: 15}, // title and aliases
		{Name: "h", B: 0, Average: 2},     // heading
		{Name: "b", B: 0.75, Average: 2 * mean},
	}}
}

// Weights of the fields in a query, for a question typed with diacritics and for
// one typed without: the marked match counts more than the folded one when marks
// were typed, less when they had to be restored. Chosen as the fields were.
var (
	accentedText = []vectorstore.Weights{
		{Accented: 0.6, AccentedPair: 0.6, Folded: 0.12, FoldedPair: 0.12},
		{Accented: 0.1, AccentedPair: 0.1},
		{Accented: 1.4, AccentedPair: 1.2, Folded: 0.4, FoldedPair: 0.3},
	}
	foldedText = []vectorstore.Weights{
		{Accented: 0.3, AccentedPair: 0.3, Folded: 0.36, FoldedPair: 0.42},
		{Accented: 0.1, Folded: 0.1},
		{Accented: 0.4, AccentedPair: 0.4, Folded: 1, FoldedPair: 0.9},
	}
	accentedAsked = []vectorstore.Weights{{Accented: 1, AccentedPair: 0.8, Folded: 0.2, FoldedPair: 0.2}}
	foldedAsked   = []vectorstore.Weights{{Accented: 0.5, AccentedPair: 0.4, Folded: 0.6, FoldedPair: 0.6}}
)

// Schema is what a store must hold for this package; dims is the length of dense
// vectors, 0 without any.
func Schema(dims int) vectorstore.Schema {
	s := vectorstore.Schema{Sparse: map[string]bool{textVector: true, askedVector: true, profileVector: true, classAccented: false, classFolded: false}}
	if dims > 0 {
		s.Dense = map[string]int{vectorstore.DenseName: dims}
	}
	return s
}

// Encoder makes the sparse vectors of chunks; one per goroutine.
type Encoder struct {
	text, asked, profile *vectorstore.Encoder

	lib     *corpus.Library       // nil: of chunks without profiles
	weights func() learnedWeights // waits for what Begin began; nil before
}

// learnedWeights are the classifier's, by document.
type learnedWeights struct{ accented, folded map[string]vectorstore.Sparse }

// NewEncoder returns an encoder of the library's chunks for package ingest.
func NewEncoder(lib *corpus.Library) *Encoder {
	return &Encoder{text: textFields.Encoder(), asked: askedFields.Encoder(), profile: profileFields.Encoder(), lib: lib}
}

// NewTextEncoder returns an encoder of chunks that are not of the knowledge, such as
// a foreign collection's: sections only, mean syllables long on average.
func NewTextEncoder(mean float64) *Encoder {
	return &Encoder{text: sectionFields(mean).Encoder()}
}

// Begin starts to train the classifier, once, beside whatever is done until
// EncodeChunk is asked for a profile, which holds its weights.
func (e *Encoder) Begin() {
	if e.weights == nil {
		e.weights = learning(e.lib)
	}
}

// EncodeChunk returns the vectors of a chunk by name.
func (e *Encoder) EncodeChunk(c corpus.Chunk) map[string]vectorstore.Sparse {
	switch c.Section {
	case corpus.AskedSection:
		return map[string]vectorstore.Sparse{askedVector: e.asked.Document(c.Text)}
	case corpus.ProfileSection:
		e.Begin()
		w := e.weights()
		return map[string]vectorstore.Sparse{
			profileVector: e.profile.Document(c.Text), classAccented: w.accented[c.Document], classFolded: w.folded[c.Document],
		}
	}
	names := c.Title + "\n" + strings.Join(c.Aliases, "\n")
	return map[string]vectorstore.Sparse{textVector: e.text.Document(names, c.Heading, c.Title+"\n"+c.Heading+"\n"+c.Text)}
}

// Version changes when the chunk would be encoded otherwise: the classifier's
// weights depend on all knowledge.
func (e *Encoder) Version(c corpus.Chunk) string {
	if c.Section == corpus.ProfileSection {
		return fmt.Sprintf("%s class-7 %d %g %d %s", bm25Version, epochs, firstRate, keptWeights, e.lib.Version)
	}
	return bm25Version
}

// bm25Version changes with what the vectors of words are made by.
var bm25Version = fmt.Sprintf("bm25-4 %v %v %v", textFields, askedFields, profileFields)
