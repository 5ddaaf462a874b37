package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func searchCommand(con *console, opts *options) *cobra.Command {
	var flags askFlags
	var asJSON bool
	var top int
	cmd := &cobra.Command{
		Use:     "search QUESTION",
		Short:   "Show what retrieval finds for a question",
		Example: "  troly search \"sang tên xe máy\" --top 5",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 1 || top > 100 {
				return usageError{fmt.Errorf("--top %d: write a number from 1 to 100", top)}
			}
			question, err := flags.question(strings.Join(args, " "))
			if err != nil {
				return err
			}
			s, err := readSettings(opts)
			if err != nil {
				return err
			}
			a, err := openUnsaved(cmd.Context(), con, s, nil)
			if err != nil {
				return err
			}
			defer a.Close()
			found, err := a.Search(cmd.Context(), question)
			if err != nil {
				return err
			}
			found = found[:min(top, len(found))]
			if asJSON {
				return con.json(found)
			}
			st := con.style()
			for i, r := range found {
				doc := a.lib.Document(r.Document)
				fmt.Fprintf(con.out, "%2d. %s %s\n", i+1, st.bold(doc.Title), st.dim(fmt.Sprintf("%.4f  %s#%s", r.Score, r.Document, r.Section)))
			}
			fmt.Fprintf(con.err, "%d sections\n", len(found))
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	cmd.Flags().IntVar(&top, "top", 10, "how many sections to show")
	return cmd
}
