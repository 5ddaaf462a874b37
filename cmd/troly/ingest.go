package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"troly/internal/ingest"
	"troly/internal/retrieval"
	"troly/internal/vectorstore"
)

func ingestCommand(con *console, opts *options) *cobra.Command {
	var asJSON, dryRun bool
	cmd := &cobra.Command{
		Use:   "ingest",
		Short: "Bring the store in line with the knowledge",
		Long: `Ingest writes new and changed chunks to the store and removes vanished ones; an
unchanged chunk costs nothing. With EMBEDDING_MODEL each new one is embedded.
Interrupted, it goes on where it stopped when run again. A knowledge file that
cannot be read keeps its last good version. With QDRANT_URL it fills Qdrant too: a
new collection, searched once it is whole.`,
		Example: "  troly ingest --dry-run\n  troly ingest --knowledge ./knowledge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			lib, err := s.library(con)
			if err != nil {
				return err
			}
			store, note := vectorstore.OpenEmbedded(cmd.Context(), s.file("vectors.db"), retrieval.Schema(s.Models.dimensions()))
			if note != nil {
				fmt.Fprintln(con.err, "troly:", note)
			}
			defer store.Close()
			encoder := retrieval.NewEncoder(lib)
			mark := storeMark(encoder)
			syncer := ingest.Syncer{Store: store, Encoder: encoder, DryRun: dryRun, Progress: con.progress}
			if v := newVectors(s.Models.embedder(nil)); v != nil {
				syncer.Embedder, mark = v.Embedder, v.fullMark(encoder)
			}
			report, err := syncer.Sync(cmd.Context(), lib)
			if err != nil {
				return err
			}
			if !dryRun && report.NotSaved == nil {
				report.NotSaved = store.Mark(cmd.Context(), mark)
			}
			done := ingested{Report: report}
			var remoteErr error
			if remote, err := s.Qdrant.open(lib, syncer.Embedder); err != nil {
				return err
			} else if remote != nil {
				defer remote.Close()
				filled, err := fill(cmd.Context(), remote, lib, syncer.Embedder, dryRun, con.progress)
				if err == nil {
					done.Qdrant = &filled
				} else {
					remoteErr = fmt.Errorf("%w (%s)", err, qdrantAdvice(err))
				}
			}
			if asJSON {
				err = con.json(done)
			} else {
				done.print(con, dryRun, len(lib.Documents))
			}
			return errors.Join(err, report.NotSaved, remoteErr)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	return cmd
}

// ingested is what a run did.
type ingested struct {
	ingest.Report
	Qdrant *filled `json:"qdrant,omitempty"`
}

func (i ingested) print(con *console, dryRun bool, documents int) {
	verb := "Done"
	if dryRun {
		verb = "Would do"
	}
	fmt.Fprintf(con.out, "%s: %d added, %d changed, %d removed, %d unchanged chunks of %d documents\n",
		verb, i.Added, i.Changed, i.Removed, i.Unchanged, documents)
	if q := i.Qdrant; q != nil {
		fmt.Fprintf(con.out, "Qdrant, %s: %d added, %d changed, %d removed, %d unchanged; %d old collections deleted\n",
			q.Collection, q.Added, q.Changed, q.Removed, q.Unchanged, len(q.Deleted))
	}
}

// progress draws a bar on stderr when that is a terminal.
func (c *console) progress(done, total int) {
	width, ok := terminal(c.err)
	if !ok || total == 0 {
		return
	}
	cells := max(10, width-30)
	filled := cells * done / total
	fmt.Fprintf(c.err, "\r[%s%s] %d/%d", strings.Repeat("#", filled), strings.Repeat(".", cells-filled), done, total)
	if done == total {
		fmt.Fprintln(c.err)
	}
}
