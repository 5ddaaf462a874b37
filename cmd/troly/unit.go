package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"troly/internal/corpus"
)

func unitCommand(con *console, opts *options) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "unit NAME",
		Short: "Look an old or new commune, ward or district up",
		Long:  "Unit prints what a name can mean: former communes and the present ones they went\ninto, present communes and what they were formed from, districts that ended.",
		Example: `  troly knowledge unit "xã Đại Lịch"
  troly knowledge unit "tan thinh"
  troly knowledge unit --json "huyện Văn Yên"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lib, err := loadLibrary(con, opts)
			if err != nil {
				return err
			}
			name := strings.Join(args, " ")
			places := lib.Units.Lookup(name)
			if len(places) == 0 {
				return usageError{fmt.Errorf("no unit named %q in units.json: write the name alone, or with xã, phường, thị trấn, huyện before it", name)}
			}
			rows := make([]corpus.Whereabouts, len(places))
			for i, p := range places {
				rows[i] = lib.Units.Whereabouts(p)
			}
			if asJSON {
				return con.json(rows)
			}
			printUnits(con, lib.Units, rows)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the places as JSON")
	return cmd
}

// printUnits lays the places out for people.
func printUnits(con *console, u *corpus.Units, rows []corpus.Whereabouts) {
	width, _ := terminal(con.out)
	st := con.style()
	for i, r := range rows {
		if i > 0 {
			fmt.Fprintln(con.out)
		}
		var now []string
		for _, c := range r.Present {
			now = append(now, c.Name+" ("+c.Code+")")
		}
		switch r.Kind {
		case "former":
			fmt.Fprintln(con.out, st.bold(fmt.Sprintf("%s, %s, tỉnh %s cũ", r.Name, corpus.Running(r.District), r.Province)))
			fmt.Fprintln(con.out, wrap("  nay thuộc: "+strings.Join(now, ", "), width))
		case "present":
			fmt.Fprintln(con.out, st.bold(now[0]+", đơn vị hiện nay"))
			for _, f := range r.Predecessors {
				fmt.Fprintln(con.out, wrap("  từ: "+f.Name+", "+corpus.Running(f.District)+doubt(f.Confirmed, f.Note), width))
			}
		case "district":
			fmt.Fprintln(con.out, st.bold(fmt.Sprintf("%s, tỉnh %s cũ: không còn từ %s", r.Name, r.Province, u.Since)))
			fmt.Fprintln(con.out, wrap("  nay thuộc: "+strings.Join(now, ", "), width))
		default:
			fmt.Fprintln(con.out, st.bold(fmt.Sprintf("%s cũ: từ %s thuộc tỉnh %s", r.Name, u.Since, u.Province)))
		}
		if r.Kind == "former" && !r.Confirmed {
			fmt.Fprintln(con.out, wrap("  chưa xác minh: "+r.Note, width))
		}
	}
	fmt.Fprintln(con.out, "\n"+st.dim(wrap(fmt.Sprintf("Nghị quyết %s ngày %s; bảng lấy từ hai bộ dữ liệu công khai, kiểm tra ngày %s, chưa đối chiếu toàn văn.", u.Resolution.Ref, u.Resolution.Date, u.Checked), width)))
}

// doubt is what is added to a predecessor that only one source has.
func doubt(confirmed bool, note string) string {
	if confirmed {
		return ""
	}
	return " (chưa xác minh: " + note + ")"
}
