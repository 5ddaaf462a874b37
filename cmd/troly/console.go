package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// console is where a command reads and prints. Results go to out, everything
// about the work (progress, warnings) to err.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// output notes the first failure to print: a result that nobody gets is none.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// terminal reports whether w is a terminal that shows colours, and its width.
func terminal(w io.Writer) (width int, ok bool) {
	if s, edited := w.(*screenWriter); edited {
		w = s.file
	}
	if o, noted := w.(*output); noted {
		w = o.Writer
	}
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 80, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return min(width, 100), true // longer lines are hard to read
}

// json prints v as one indented document.
func (c *console) json(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// style wraps s in an ANSI attribute; a zero style leaves text plain.
type style struct{ on bool }

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string  { return s.paint("1", text) }
func (s style) dim(text string) string   { return s.paint("2", text) }
func (s style) green(text string) string { return s.paint("32", text) }
func (s style) red(text string) string   { return s.paint("31", text) }
func (s style) cyan(text string) string  { return s.paint("36", text) }

// style returns the style for what is printed to out; NO_COLOR turns it off.
func (c *console) style() style {
	_, ok := terminal(c.out)
	return style{on: ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// wrap breaks the lines of text at spaces so that none is wider than width
// columns; continuation lines of a list item are indented under its text.
func wrap(text string, width int) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		wrapLine(&b, line, width)
	}
	return b.String()
}

func wrapLine(b *strings.Builder, line string, width int) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	hang := indent
	rest := line[indent:]
	if mark, _, ok := strings.Cut(rest, " "); ok && (mark == "-" || mark == "•" || strings.TrimLeft(mark, "0123456789") == ".") {
		hang += uniseg.StringWidth(mark) + 1
	}
	b.WriteString(line[:indent])
	column := indent
	for i, word := range strings.Fields(rest) {
		w := uniseg.StringWidth(word)
		switch {
		case i == 0:
		case column+1+w > width:
			b.WriteString("\n" + strings.Repeat(" ", hang))
			column = hang
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
}
