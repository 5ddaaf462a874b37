package llm

// Price is what a million tokens cost, in a currency that whoever sets it knows.
type Price struct {
	Prompt     float64 `json:"prompt"`
	Completion float64 `json:"completion"`
}

// Known reports whether there is a price: without one cost is not told, rather than
// told as nothing.
func (p Price) Known() bool { return p.Prompt > 0 || p.Completion > 0 }

// Of is what a usage costs.
func (p Price) Of(u Usage) float64 {
	const million = 1e6
	return (p.Prompt*float64(u.PromptTokens) + p.Completion*float64(u.CompletionTokens)) / million
}
