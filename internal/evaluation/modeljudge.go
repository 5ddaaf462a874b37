package evaluation

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"troly/internal/judge"
	"troly/internal/pipeline"
)

var _ Judge = (*ModelJudge)(nil)

// ModelJudge measures what rules cannot: whether claims are supported though worded
// otherwise, and whether facts are said though no rule recognises them. Its metrics
// begin with judge_. Every verdict is kept in the Detail of its output.
type ModelJudge struct {
	Primitives *judge.Judge
	Model      string // with the service's address: names the judge in every record
	Prompts    string // version of their wording
	// Diagnose also compares the answer with the case's reference answer, claim by
	// claim and passage by passage: many more calls.
	Diagnose bool
}

// Name implements Judge.
func (m *ModelJudge) Name() string {
	return fmt.Sprintf("%s prompts %s diagnose %v", m.Model, m.Prompts, m.Diagnose)
}

// Check tries on the judge what might sway it; call it before a run. The error says
// that its verdicts cannot be trusted, or that it cannot be asked.
func (m *ModelJudge) Check(ctx context.Context) error {
	a := m.Primitives.Audit(ctx)
	switch {
	case len(a.Swayed) > 0:
		return fmt.Errorf("the judge %s lets itself be told its verdict, in %d of %d tries, for one by %q: its figures mean nothing", m.Model, len(a.Swayed), a.Tried, a.Swayed[0])
	case a.Unscored > 0:
		return fmt.Errorf("the judge %s gave no verdict in %d of %d tries: %s", m.Model, a.Unscored, a.Tried, a.Why)
	}
	return nil
}

// judgeMetrics are all metrics of a ModelJudge, for samples that have none.
func judgeMetrics() []string {
	return []string{"judge_faithfulness", "judge_contradicted", "judge_citation_recall", "judge_citation_precision", "judge_fact_recall_vital", "judge_fact_recall_vital_strict", "judge_fact_recall_all"}
}

// Judge implements Judge. A sample that answers nothing is not judged; a verdict that
// could not be had leaves its metrics unscored.
func (m *ModelJudge) Judge(ctx context.Context, in JudgeInput) (JudgeOutput, error) {
	j := &judging{ModelJudge: m, in: in, scores: newScores()}
	if in.Sample.Status != pipeline.Answered {
		reason := "not_answered"
		if in.Case.MustRefuse {
			reason = "refusal_expected"
		}
		j.none(reason, judgeMetrics()...)
		return j.output()
	}
	j.claims(ctx)
	j.citations(ctx)
	j.facts(ctx)
	if m.Diagnose && in.Case.ReferenceAnswer != "" {
		j.diagnose(ctx)
	}
	if err := ctx.Err(); err != nil {
		return JudgeOutput{}, err
	}
	return j.output()
}

// judging is the work on one sample.
type judging struct {
	*ModelJudge
	scores
	in      JudgeInput
	records []judge.Record
	usage   judge.Usage
	said    []string // claims of the answer
}

func (j *judging) output() (JudgeOutput, error) {
	detail, err := json.Marshal(j.records)
	if err != nil {
		return JudgeOutput{}, fmt.Errorf("keep verdicts: %w", err)
	}
	return JudgeOutput{
		Metrics: j.metrics, Unscored: j.unscored, Detail: detail,
		Usage: pipeline.Usage{PromptTokens: j.usage.PromptTokens, CompletionTokens: j.usage.CompletionTokens},
	}, nil
}

// keep notes a judgement.
func (j *judging) keep(kind judge.Kind, item, text string, vital bool, result judge.Judgement) judge.Judgement {
	s := j.in.Sample
	j.records = append(j.records, judge.Record{
		Item:   judge.Item{Case: s.Case, Variant: string(s.Variant), Repeat: s.Repeat, Kind: kind, Item: item},
		BaseID: s.BaseID, Intent: s.Intent, Vital: vital, Text: text, Model: j.Model, Prompts: j.Prompts, Judgement: result,
	})
	j.spend(result)
	return result
}

func (j *judging) spend(result judge.Judgement) {
	j.usage.PromptTokens += result.Usage.PromptTokens
	j.usage.CompletionTokens += result.Usage.CompletionTokens
}

// passages are the texts the answer may rest on.
func (j *judging) passages() []string {
	texts := make([]string, len(j.in.Passages))
	for i, p := range j.in.Passages {
		texts[i] = p.Text
	}
	return texts
}

// claims measures faithfulness: the share of the answer's claims that the passages
// support.
func (j *judging) claims(ctx context.Context) {
	claims, unscored, usage := j.Primitives.Claims(ctx, j.in.Sample.Question, j.in.Sample.Answer)
	j.usage.PromptTokens += usage.PromptTokens
	j.usage.CompletionTokens += usage.CompletionTokens
	j.said = claims
	switch {
	case unscored != "":
		j.none(unscored, "judge_faithfulness", "judge_contradicted")
		return
	case len(claims) == 0:
		j.none("no_claims", "judge_faithfulness", "judge_contradicted")
		return
	}
	supported, contradicted := 0.0, false
	for i, claim := range claims {
		result := j.keep(judge.ClaimKind, strconv.Itoa(i+1), claim, false, j.Primitives.Support(ctx, claim, j.passages(), ""))
		if result.Unscored != "" {
			j.none(result.Unscored, "judge_faithfulness", "judge_contradicted")
			return
		}
		supported += indicator(result.Verdict == judge.Supported)
		contradicted = contradicted || result.Verdict == judge.Contradicted
	}
	j.set("judge_faithfulness", supported/float64(len(claims)))
	j.is("judge_contradicted", contradicted)
}

// citations measures the sentences against what they cite, as ALCE does.
func (j *judging) citations(ctx context.Context) {
	var sentences []judge.Cited
	for _, c := range j.in.Sample.Claims {
		cited, unscored := j.cited(ctx, c)
		if unscored != "" {
			j.none(unscored, "judge_citation_recall", "judge_citation_precision")
			return
		}
		sentences = append(sentences, cited)
	}
	recall, precision, ok := judge.Citations(sentences)
	if ok[0] {
		j.set("judge_citation_recall", recall)
	} else {
		j.none("no_claims", "judge_citation_recall")
	}
	if ok[1] {
		j.set("judge_citation_precision", precision)
	} else {
		j.none("no_citations", "judge_citation_precision")
	}
}

// cited judges one sentence: by all it cites, by each alone, and by the others.
func (j *judging) cited(ctx context.Context, c Claim) (cited judge.Cited, unscored string) {
	sentence := j.in.Sample.Answer[c.Start:c.End]
	var texts []string
	for _, n := range c.Cited {
		texts = append(texts, j.citedText(n))
	}
	cited.Alone, cited.Without = make([]bool, len(texts)), make([]bool, len(texts))
	if len(texts) == 0 || slices.Contains(texts, "") {
		return cited, "" // nothing, or something that is not there, is cited
	}
	supports := func(passages []string) bool {
		result := j.Primitives.Support(ctx, sentence, passages, "")
		j.spend(result)
		if result.Unscored != "" {
			unscored = result.Unscored
		}
		return result.Verdict == judge.Supported
	}
	cited.Together = supports(texts)
	if len(texts) == 1 {
		cited.Alone[0] = cited.Together
		return cited, unscored
	}
	for i := range texts {
		if !cited.Together || unscored != "" {
			break
		}
		if cited.Alone[i] = supports(texts[i : i+1]); !cited.Alone[i] {
			cited.Without[i] = supports(slices.Delete(slices.Clone(texts), i, i+1))
		}
	}
	return cited, unscored
}

// citedText is the section that a citation of the answer names.
func (j *judging) citedText(number int) string {
	for _, c := range j.in.Sample.Citations {
		if c.N != number {
			continue
		}
		for _, p := range j.in.Passages {
			if p.Document == c.Document && p.Section == c.Section {
				return p.Text
			}
		}
	}
	return ""
}

// facts measures which facts the answer says. What the rules found is expected: a
// verdict that disputes it is voted on.
func (j *judging) facts(ctx context.Context) {
	names := []string{"judge_fact_recall_vital", "judge_fact_recall_vital_strict", "judge_fact_recall_all"}
	var verdicts []judge.Verdict
	var vital []bool
	for _, f := range j.in.Case.facts() {
		result := j.Primitives.Fact(ctx, f.words(), j.in.Sample.Answer, j.byRule(f.ID))
		j.keep(judge.FactKind, f.ID, f.words(), f.Importance == "vital", result)
		if result.Unscored != "" {
			j.none(result.Unscored, names...)
			return
		}
		verdicts, vital = append(verdicts, result.Verdict), append(vital, f.Importance == "vital")
	}
	n, ok := judge.ScoreNuggets(verdicts, vital)
	if !ok {
		j.none("no_facts", names...)
		return
	}
	j.set(names[0], n.Vital)
	j.set(names[1], n.StrictVital)
	j.set(names[2], n.All)
}

// byRule is what the deterministic match says of a fact.
func (j *judging) byRule(id string) judge.Verdict {
	for _, f := range j.in.Sample.Facts {
		if f.ID == id {
			return map[Support]judge.Verdict{Full: judge.Says, Partial: judge.SaysPart, None: judge.SaysNot}[f.Support]
		}
	}
	return ""
}

// diagnose compares answer, reference answer and passages claim by claim.
func (j *judging) diagnose(ctx context.Context) {
	reference, unscored, usage := j.Primitives.Claims(ctx, j.in.Case.Question, j.in.Case.ReferenceAnswer)
	j.usage.PromptTokens += usage.PromptTokens
	j.usage.CompletionTokens += usage.CompletionTokens
	holds := func(claim, text string) bool {
		result := j.Primitives.Support(ctx, claim, []string{text}, "")
		j.spend(result)
		if result.Unscored != "" {
			unscored = result.Unscored
		}
		return result.Verdict == judge.Supported
	}
	inPassages := func(claim string) []bool {
		row := make([]bool, len(j.in.Passages))
		for i, p := range j.in.Passages {
			row[i] = holds(claim, p.Text)
		}
		return row
	}
	var e judge.Entailment
	for _, claim := range j.said {
		e.AnswerRight = append(e.AnswerRight, holds(claim, j.in.Case.ReferenceAnswer))
		e.AnswerInChunk = append(e.AnswerInChunk, inPassages(claim))
	}
	for _, claim := range reference {
		e.ReferenceSaid = append(e.ReferenceSaid, holds(claim, j.in.Sample.Answer))
		e.ReferenceInChunk = append(e.ReferenceInChunk, inPassages(claim))
	}
	d, ok := judge.Diagnose(e)
	if unscored != "" || !ok {
		return // faithfulness is told by claims already
	}
	for name, value := range map[string]float64{
		"precision": d.Precision, "recall": d.Recall, "f1": d.F1, "claim_recall": d.ClaimRecall, "context_precision": d.ContextPrecision, "context_utilisation": d.Utilisation,
		"noise_relevant": d.NoiseRelevant, "noise_irrelevant": d.NoiseIrrelevant, "hallucination": d.Hallucination, "self_knowledge": d.SelfKnowledge,
	} {
		j.set("judge_"+name, value)
	}
}

// JudgeRecords are the verdicts that a run keeps, the last of each sample.
func (r *Run) JudgeRecords() ([]judge.Record, error) {
	judged, err := r.judged()
	if err != nil {
		return nil, err
	}
	var all []judge.Record
	for at, j := range judged {
		if len(j.Detail) == 0 {
			continue
		}
		var records []judge.Record
		if err := json.Unmarshal(j.Detail, &records); err != nil {
			return nil, fmt.Errorf("%s: verdicts on %s: %w", r.file(judgeFile), at.Case, err)
		}
		all = append(all, records...)
	}
	slices.SortFunc(all, func(a, b judge.Record) int { return compareItems(a.Item, b.Item) })
	return all, nil
}

func compareItems(a, b judge.Item) int {
	return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Repeat, b.Repeat), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Item, b.Item))
}
