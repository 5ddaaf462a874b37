package evaluation

import "troly/internal/statistics"

// Summary is everything a run says: summary.json of its directory.
type Summary struct {
	SchemaVersion int    `json:"schema_version"` // 1
	Run           string `json:"run"`

	Samples int `json:"samples"` // lines, errors included
	Bases   int `json:"bases"`   // questions, whatever the number of their variants
	Errors  int `json:"errors"`
	Skipped int `json:"skipped"` // cases that do not hold on their day
	Missing int `json:"missing"` // cases that were to be asked and were not

	Metrics     []MetricSummary        `json:"metrics"`
	Slices      []Slice                `json:"slices"`
	Refusal     Confusion              `json:"refusal"`
	Router      Router                 `json:"router"`
	Robustness  []Robustness           `json:"robustness"`
	Repeats     []Repeats              `json:"repeats,omitempty"`
	Attribution map[Miss]int           `json:"attribution"`    // of the missed samples
	Latency     map[string]Percentiles `json:"latency_ms"`     // stage -> percentiles, cached samples left out
	Tokens      map[string]int         `json:"tokens"`         // prompt, completion of the answers; judge_prompt, judge_completion
	Cost        *Cost                  `json:"cost,omitempty"` // nil: no price was set for the run
	Cached      int                    `json:"cached"`
	Tiers       map[string]int         `json:"tiers"` // of the matched facts: typed, words, folded
	Forbidden   map[string]int         `json:"forbidden,omitempty"`
	Noise       map[string]float64     `json:"noise_floor,omitempty"` // metric -> width of what repeats differ by
}

// Cost is what the tokens of a run cost, in the currency of its price. Answers and
// verdicts that came from a cache cost nothing.
type Cost struct {
	Answers   float64 `json:"answers"`
	Judge     float64 `json:"judge"`
	Total     float64 `json:"total"`
	PerAnswer float64 `json:"per_answer"` // of those that were not cached
}

// MetricSummary is the mean of one metric: repeats are averaged in a case, cases in
// a base question, and these over all of them. Errors and unscored samples are in no
// mean: WorstCase and BestCase are what it would be if they were all 0 or all 1.
type MetricSummary struct {
	Name string `json:"name"`
	statistics.Estimate
	Scored         int            `json:"n_scored"`             // samples
	Unscored       map[string]int `json:"n_unscored,omitempty"` // reason -> samples
	Errors         int            `json:"n_errors,omitempty"`
	WorstCase      float64        `json:"worst_case"`
	BestCase       float64        `json:"best_case"`
	HigherIsBetter bool           `json:"higher_is_better"`
}

// Slice is the part of a run with one value of one label.
type Slice struct {
	By      string          `json:"by"`    // a label, or BySetAndVariant
	Value   string          `json:"value"` // of that label
	Samples int             `json:"samples"`
	Metrics []MetricSummary `json:"metrics"`
}

// Confusion counts decisions to decline: positive means declined.
type Confusion struct {
	TruePositive  int `json:"tp"` // declined what should be declined
	FalsePositive int `json:"fp"` // declined what should be answered
	FalseNegative int `json:"fn"`
	TrueNegative  int `json:"tn"`

	Precision    float64 `json:"precision"`
	Recall       float64 `json:"recall"`
	F1           float64 `json:"f1"`
	Accuracy     float64 `json:"accuracy"` // hides a low recall: never shown alone
	Balanced     float64 `json:"balanced_accuracy"`
	FalseRefusal float64 `json:"false_refusal_rate"`
}

// Router says how well the kind of question was recognised.
type Router struct {
	Accuracy  float64                   `json:"accuracy"`
	N         int                       `json:"n"`
	Intents   []IntentScore             `json:"intents"`
	Confusion map[string]map[string]int `json:"confusion"` // gold -> recognised -> samples
}

// IntentScore is how well one kind of question was recognised.
type IntentScore struct {
	Intent    string  `json:"intent"`
	N         int     `json:"n"` // gold
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// Robustness compares the ways of typing the same questions by one metric. Only
// bases asked in every variant count; the others are counted in Left.
type Robustness struct {
	Metric   string              `json:"metric"`
	Variants []Variant           `json:"variants"`
	Bases    int                 `json:"n_bases"`
	Left     int                 `json:"n_left_out"`
	Mean     float64             `json:"mean"`
	Plain    float64             `json:"plain"`
	Worst    float64             `json:"worst"`     // mean over bases of the least of their variants
	Drop     statistics.Estimate `json:"drop"`      // plain less the mean of the other variants
	FlipRate float64             `json:"flip_rate"` // variants that pass where plain fails, or the other way
	ByName   map[Variant]float64 `json:"by_variant"`
}

// Repeats says how steady repeated answers are.
type Repeats struct {
	Variant     Variant `json:"variant"`
	Repeats     int     `json:"repeats"`
	Consistency float64 `json:"answer_consistency"` // share of repeats with the commonest set of vital facts
	PassAll     float64 `json:"pass_all"`           // chance that all repeats pass
	PassAny     float64 `json:"pass_any"`
}

// Percentiles are nearest-rank percentiles.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}
