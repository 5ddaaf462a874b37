package judge

// Nuggets are the shares of facts an answer says (TREC RAG 2024, nuggetizer): of
// the vital ones and of all, strictly or with half a point for a part.
type Nuggets struct {
	StrictVital float64 `json:"strict_vital"`
	StrictAll   float64 `json:"strict_all"`
	Vital       float64 `json:"vital"`
	All         float64 `json:"all"`
}

// ScoreNuggets scores verdicts on facts; vital says which are. ok is false when
// there is no vital fact: nothing can be said then.
func ScoreNuggets(verdicts []Verdict, vital []bool) (n Nuggets, ok bool) {
	var points, strict [2]float64 // [all, vital]
	var count [2]float64
	for i, v := range verdicts {
		for group := range 2 {
			if group == 1 && !vital[i] {
				continue
			}
			count[group]++
			switch v {
			case Says:
				points[group]++
				strict[group]++
			case SaysPart:
				points[group] += 0.5
			}
		}
	}
	if count[1] == 0 {
		return n, false
	}
	return Nuggets{strict[1] / count[1], strict[0] / count[0], points[1] / count[1], points[0] / count[0]}, true
}

// Entailment is which claims of an answer and of a reference are entailed by what.
type Entailment struct {
	AnswerRight      []bool   // claim of the answer: by the reference
	ReferenceSaid    []bool   // claim of the reference: by the answer
	ReferenceInChunk [][]bool // [claim of the reference][retrieved chunk]
	AnswerInChunk    [][]bool // [claim of the answer][retrieved chunk]
}

// Diagnosis are the RAGChecker figures (Ru et al. 2024). Faithfulness, hallucination
// and self-knowledge add up to 1, and so do precision, hallucination and both noises.
type Diagnosis struct {
	Precision        float64 `json:"precision"`
	Recall           float64 `json:"recall"`
	F1               float64 `json:"f1"`
	ClaimRecall      float64 `json:"claim_recall"`      // of the reference, in the chunks
	ContextPrecision float64 `json:"context_precision"` // chunks that hold a claim of the reference
	Utilisation      float64 `json:"context_utilisation"`
	NoiseRelevant    float64 `json:"noise_relevant"`   // wrong claims taken from relevant chunks
	NoiseIrrelevant  float64 `json:"noise_irrelevant"` // wrong claims taken from other chunks
	Hallucination    float64 `json:"hallucination"`    // wrong claims from nowhere
	SelfKnowledge    float64 `json:"self_knowledge"`   // right claims from nowhere
	Faithfulness     float64 `json:"faithfulness"`
}

// Diagnose computes the figures. ok is false when the answer or the reference claims
// nothing.
func Diagnose(e Entailment) (d Diagnosis, ok bool) {
	answer, reference := float64(len(e.AnswerRight)), float64(len(e.ReferenceSaid))
	if answer == 0 || reference == 0 {
		return d, false
	}
	relevant := relevantChunks(e.ReferenceInChunk)
	for i, right := range e.AnswerRight {
		supported, byRelevant := false, false
		for chunk, in := range e.AnswerInChunk[i] {
			supported = supported || in
			byRelevant = byRelevant || in && relevant[chunk]
		}
		switch {
		case right && supported:
		case right:
			d.SelfKnowledge += 1 / answer
		case !supported:
			d.Hallucination += 1 / answer
		case byRelevant:
			d.NoiseRelevant += 1 / answer
		default:
			d.NoiseIrrelevant += 1 / answer
		}
		if right {
			d.Precision += 1 / answer
		}
		if supported {
			d.Faithfulness += 1 / answer
		}
	}
	found, used := 0.0, 0.0
	for i, said := range e.ReferenceSaid {
		in := anyOf(e.ReferenceInChunk[i])
		if said {
			d.Recall += 1 / reference
		}
		if in {
			found++
			if said {
				used++
			}
		}
	}
	d.ClaimRecall = found / reference
	if found > 0 {
		d.Utilisation = used / found
	}
	if len(relevant) > 0 {
		for _, r := range relevant {
			if r {
				d.ContextPrecision += 1 / float64(len(relevant))
			}
		}
	}
	d.F1 = f1(d.Precision, d.Recall)
	return d, true
}

// relevantChunks are the chunks that entail at least one claim of the reference.
func relevantChunks(byClaim [][]bool) []bool {
	var relevant []bool
	for _, row := range byClaim {
		if relevant == nil {
			relevant = make([]bool, len(row))
		}
		for chunk, in := range row {
			relevant[chunk] = relevant[chunk] || in
		}
	}
	return relevant
}

func anyOf(list []bool) bool {
	for _, b := range list {
		if b {
			return true
		}
	}
	return false
}

// f1 is the harmonic mean; 0 when both are.
func f1(precision, recall float64) float64 {
	if precision+recall == 0 {
		return 0
	}
	return 2 * precision * recall / (precision + recall)
}

// Cited is one sentence of an answer with its citations.
type Cited struct {
	Together bool   // the cited passages jointly entail the sentence
	Alone    []bool // each citation: its passage alone entails it
	Without  []bool // each citation: the others still entail it
}

// Citations scores sentences as ALCE does (Gao et al. 2023): recall is the share of
// sentences that their citations jointly support; a citation is precise when the
// sentence is supported and it supports it alone or cannot be left out. ok says
// whether there was a sentence and whether there was a citation.
func Citations(sentences []Cited) (recall, precision float64, ok [2]bool) {
	cited, precise := 0, 0
	for _, s := range sentences {
		if s.Together {
			recall++
		}
		for i := range s.Alone {
			cited++
			if s.Together && (s.Alone[i] || !s.Without[i]) {
				precise++
			}
		}
	}
	if len(sentences) > 0 {
		recall /= float64(len(sentences))
	}
	if cited > 0 {
		precision = float64(precise) / float64(cited)
	}
	return recall, precision, [2]bool{len(sentences) > 0, cited > 0}
}
