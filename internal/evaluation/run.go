package evaluation

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"troly/internal/pipeline"
)

// Runner asks cases and keeps the samples in a run directory.
type Runner struct {
	Asker    Asker
	Dialogue Asker // of cases that expect a hand-off, which package conversation decides; nil: Asker
	Scorer   *Scorer
	Judge    Judge  // nil: none
	Identity string // everything outcomes depend on beside the case: build, knowledge, model, settings

	Stages      []Stage
	Repeat      int            // times each case is asked (1)
	Concurrency int            // cases in work at once (as many as processors)
	Timeout     time.Duration  // of asking one case (a minute); a judge's calls have limits of their own
	Budget      int            // tokens after which no further case is begun (0: no limit)
	Cache       *Cache         // of outcomes that cost tokens; nil: none
	Progress    func(Progress) // told of every finished sample; may be nil
	Now         func() time.Time
}

// Progress is how far a run is.
type Progress struct {
	Done    int // samples finished, those of an earlier try included
	Total   int
	Kept    int // finished by an earlier try
	Errors  int
	Cached  int
	Tokens  int
	Elapsed time.Duration
	Left    time.Duration // estimated; 0 while unknown
}

// ErrBudget is a run that stopped because its tokens were spent.
var ErrBudget = errors.New("the token budget is spent: what is finished is kept, --resume goes on with a larger one")

// task is one sample to make.
type task struct {
	c      *Case
	repeat int
	key    string
	judge  string // key of the verdict; empty without a judge
	sample *Sample
}

// made is what came of a task.
type made struct {
	sample *Sample // nil: it was there already
	judged *Judged
	tokens int
	err    error // the program's own trouble, which ends the run
}

// Run asks all cases that the directory has no finished sample of and appends the
// samples as they are finished. Samples with an error are asked again. It returns
// the error of ctx when that ends, with everything finished kept.
func (r *Runner) Run(ctx context.Context, run *Run, cases []Case) (Progress, error) {
	r.defaults()
	if slices.Contains(r.Stages, Judging) && r.Judge == nil {
		return Progress{}, ErrNoJudge
	}
	samples, err := openJournal(run.file(samplesFile))
	if err != nil {
		return Progress{}, err
	}
	defer samples.close()
	var verdicts *journal
	if r.Judge != nil && slices.Contains(r.Stages, Judging) {
		if verdicts, err = openJournal(run.file(judgeFile)); err != nil {
			return Progress{}, err
		}
		defer verdicts.close()
	}
	tasks, p, err := r.tasks(run, cases)
	if err != nil {
		return p, err
	}
	p, err = r.work(ctx, tasks, p, func(m made) error {
		if m.sample != nil {
			if err := samples.append(m.sample); err != nil {
				return err
			}
		}
		if m.judged != nil {
			return verdicts.append(m.judged)
		}
		return nil
	})
	return p, r.finish(ctx, run, err)
}

func (r *Runner) defaults() {
	r.Repeat = max(r.Repeat, 1)
	if r.Concurrency <= 0 {
		r.Concurrency = runtime.GOMAXPROCS(0)
	}
	if r.Timeout <= 0 {
		r.Timeout = time.Minute
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if len(r.Stages) == 0 {
		r.Stages = defaultStages()
	}
}

// finish notes in the manifest how the run ended.
func (r *Runner) finish(ctx context.Context, run *Run, err error) error {
	run.Manifest.State, run.Manifest.Finished = "complete", r.Now().UTC()
	switch {
	case ctx.Err() != nil:
		run.Manifest.State, err = "interrupted", ctx.Err()
	case err != nil:
		run.Manifest.State = "incomplete"
	}
	return errors.Join(err, run.save())
}

// tasks lists what is to be done, in the order of the cases, and counts what is
// finished.
func (r *Runner) tasks(run *Run, cases []Case) ([]task, Progress, error) {
	type line struct {
		attempt
		Key   string `json:"key"`
		Error string `json:"error"`
	}
	have, judged := make(map[attempt]string), make(map[attempt]string)
	for file, keys := range map[string]map[attempt]string{samplesFile: have, judgeFile: judged} {
		err := eachLine(run.file(file), whole, func(_ int, l *line) error {
			if delete(keys, l.attempt); l.Error == "" {
				keys[l.attempt] = l.Key
			}
			return nil
		})
		if err != nil {
			return nil, Progress{}, fmt.Errorf("resume: %w", err)
		}
	}
	p := Progress{Total: len(cases) * r.Repeat}
	var tasks []task
	again := make(map[attempt]int) // finished samples that only want a verdict -> task
	for repeat := range r.Repeat {
		for i := range cases {
			t := task{c: &cases[i], repeat: repeat, key: hash(cases[i], r.Identity, r.Stages[:min(len(r.Stages), 3)], repeat)}
			at := attempt{t.c.ID, repeat}
			finished := have[at] == t.key
			if slices.Contains(r.Stages, Judging) {
				t.judge = hash(t.key, r.Judge.Name())
				if finished && judged[at] != t.judge {
					again[at] = len(tasks)
				}
				finished = finished && judged[at] == t.judge
			}
			if finished {
				p.Done, p.Kept = p.Done+1, p.Kept+1
				continue
			}
			tasks = append(tasks, t)
		}
	}
	if len(again) == 0 {
		return tasks, p, nil
	}
	for s, err := range run.Samples() {
		if err != nil {
			return nil, p, err
		}
		if i, ok := again[attempt{s.Case, s.Repeat}]; ok {
			tasks[i].sample = s
		}
	}
	return tasks, p, nil
}

// work does the tasks with Concurrency workers; keep is called for one at a time.
func (r *Runner) work(ctx context.Context, tasks []task, p Progress, keep func(made) error) (Progress, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue, results := make(chan task), make(chan made)
	var workers sync.WaitGroup
	for range min(r.Concurrency, max(len(tasks), 1)) {
		workers.Go(func() {
			for t := range queue {
				results <- r.do(ctx, t)
			}
		})
	}
	go func() {
		defer close(results)
		defer workers.Wait()
		defer close(queue)
		for _, t := range tasks {
			select {
			case queue <- t:
			case <-ctx.Done():
				return
			}
		}
	}()
	begun, first := r.Now(), p.Done
	for m := range results {
		if ctx.Err() != nil && (m.sample == nil || m.sample.Error != "" || len(m.sample.Degraded) > 0) {
			continue // perhaps cut off in the middle: it is asked again
		}
		err := m.err
		if err == nil {
			err = keep(m)
		}
		if err != nil {
			cancel(err)
			continue
		}
		p.count(m)
		p.Elapsed = r.Now().Sub(begun)
		if n := p.Done - first; n > 0 {
			p.Left = time.Duration(float64(p.Elapsed) / float64(n) * float64(p.Total-p.Done))
		}
		if r.Progress != nil {
			r.Progress(p)
		}
		if r.Budget > 0 && p.Tokens >= r.Budget && p.Done < p.Total {
			cancel(ErrBudget)
		}
	}
	if ctx.Err() != nil {
		return p, context.Cause(ctx)
	}
	return p, nil
}

func (p *Progress) count(m made) {
	p.Done++
	p.Tokens += m.tokens
	if m.sample != nil {
		p.Errors += int(indicator(m.sample.Error != ""))
		p.Cached += int(indicator(m.sample.Cached))
	}
}

// do makes one sample, and has it judged.
func (r *Runner) do(ctx context.Context, t task) made {
	var m made
	sample := t.sample
	if sample == nil {
		ctx, cancel := context.WithTimeout(ctx, r.Timeout)
		defer cancel()
		s, err := r.ask(ctx, t)
		if err != nil {
			return made{err: err}
		}
		sample, m.sample = s, s
		if !s.Cached {
			m.tokens += s.Usage.PromptTokens + s.Usage.CompletionTokens
		}
	}
	if t.judge == "" || sample.Error != "" {
		return m
	}
	out, err := r.Judge.Judge(ctx, JudgeInput{Case: t.c, Sample: sample, Passages: r.Scorer.passages(t.c, &sample.Outcome)})
	m.judged = &Judged{Case: t.c.ID, Repeat: t.repeat, Key: t.judge, JudgeOutput: out}
	if err != nil {
		m.judged.Error = err.Error()
	}
	m.tokens += out.Usage.PromptTokens + out.Usage.CompletionTokens
	return m
}

// ask makes one sample: the outcome of the case, from the cache if it cost tokens
// before, and what is measured on it. err is a cache that cannot be written.
func (r *Runner) ask(ctx context.Context, t task) (*Sample, error) {
	answered := slices.Contains(r.Stages, Answer)
	o, cached, err := r.outcome(ctx, t, answered)
	if err != nil {
		return nil, err
	}
	sample := r.Scorer.Score(t.c, o, answered)
	if !slices.Contains(r.Stages, CheckClaims) {
		sample.dropClaims()
	}
	sample.Repeat, sample.Key, sample.Cached = t.repeat, t.key, cached
	return &sample, nil
}

func (r *Runner) outcome(ctx context.Context, t task, answered bool) (o pipeline.Outcome, cached bool, err error) {
	question := t.c.PipelineQuestion()
	if !answered {
		o.Question = t.c.Question
		if o.Retrieved, err = r.Asker.Search(ctx, question); err != nil {
			o.Error = err.Error()
		}
		return o, false, nil
	}
	asker, how := r.Asker, ""
	if t.c.ExpectedHandoff != "" && r.Dialogue != nil {
		asker, how = r.Dialogue, "dialogue"
	}
	key := hash(question, r.Identity, t.repeat, how)
	if r.Cache.get(key, &o) {
		return o, true, nil
	}
	o = asker.Ask(ctx, question)
	if o.Usage.CompletionTokens > 0 && o.Error == "" {
		err = r.Cache.put(key, o)
	}
	return o, false, err
}

// dropClaims leaves out what stage claims would have measured.
func (s *Sample) dropClaims() {
	s.Claims = nil
	if s.Unscored == nil {
		return
	}
	for _, m := range Metrics() {
		if m.Family == familyCitations {
			delete(s.Metrics, m.Name)
			delete(s.Unscored, m.Name)
		}
	}
	s.Unscored[familyCitations] = "stage_not_run"
}

// passages are the sections an outcome retrieved or cited, as text.
func (s *Scorer) passages(c *Case, o *pipeline.Outcome) []Passage {
	var list []Passage
	for _, p := range s.places.context(o, c.AsOf) {
		list = append(list, Passage{p.document, p.section, p.source})
	}
	return list
}

// Today returns the cases that hold on their day, and the IDs of the others.
func Today(cases []Case) (holding []Case, expired []string) {
	for _, c := range cases {
		if c.expired() {
			expired = append(expired, c.ID)
		} else {
			holding = append(holding, c)
		}
	}
	return holding, expired
}
