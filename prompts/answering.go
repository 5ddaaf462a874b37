package prompts

// Answer asks for an answer from numbered passages and typed facts. Everything in it
// but Sentences is data.
type Answer struct {
	Question  string
	Printed   []string   // lines of ours that stand above the answer and say what is missing
	History   []Exchange // oldest first
	Passages  []Passage  // numbered from 1
	Facts     []Fact
	Sentences int // at most
}

// Exchange is one earlier turn.
type Exchange struct{ Question, Answer string }

// Passage is one section of a document.
type Passage struct{ Title, Heading, Text string }

// Fact is one typed row, which the model refers to by its key.
type Fact struct {
	Key     string // {F1}
	Passage int    // it belongs to
	Text    string
}

// Repair asks for the rest of an answer of which sentences were rejected.
type Repair struct {
	Answer
	Accepted []string // sentences that stay
	Rejected []Rejected
}

// Rejected is a sentence that failed a check. Reason is ours, in words for the model.
type Rejected struct{ Text, Reason string }

// Rewrite asks for a question that leans on earlier ones as one that stands alone.
type Rewrite struct {
	History  []Exchange // oldest first
	Question string
}

// Answer renders the prompt.
func (s *Set) Answer(in Answer) (Prompt, error) { return s.render("answer", in) }

// Repair renders the prompt.
func (s *Set) Repair(in Repair) (Prompt, error) { return s.render("repair", in) }

// Rewrite renders the prompt.
func (s *Set) Rewrite(in Rewrite) (Prompt, error) { return s.render("rewrite", in) }
