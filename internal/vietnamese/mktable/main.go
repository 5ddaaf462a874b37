// Command mktable makes bigrams.bin of package vietnamese from counted syllables
// and pairs of syllables:
//
//	go run ./internal/vietnamese/mktable -syllables syllables.tsv -pairs bigrams.tsv.gz -out internal/vietnamese/bigrams.bin
//
// Both inputs are lines of text, tab, count. The layout is described at bigramData.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"troly/internal/vietnamese"
)

func main() {
	syllables := flag.String("syllables", "", "tab-separated syllables and counts")
	pairs := flag.String("pairs", "", "tab-separated pairs and counts; .gz is unpacked")
	out := flag.String("out", "internal/vietnamese/bigrams.bin", "file to write")
	most := flag.Int("most", 260_000, "how many pairs to keep, the commonest first")
	flag.Parse()
	if err := run(*syllables, *pairs, *out, *most); err != nil {
		fmt.Fprintln(os.Stderr, "mktable:", err)
		os.Exit(1)
	}
}

type syllable struct {
	text, folded string
	count        int
}

func run(syllableFile, pairFile, out string, most int) error {
	counts, err := readCounts(syllableFile)
	if err != nil {
		return err
	}
	var list []syllable
	total := 0
	merged := make(map[string]int)
	for text, n := range counts {
		merged[canonical(text)] += n
	}
	for text, n := range merged {
		folded := vietnamese.Fold(text)
		// Foreign words and scanning slips are rare and long; a syllable of
		// Vietnamese has at most seven letters.
		if text == "" || n < 20 || len(folded) > 7 || strings.ContainsAny(text, " 0123456789") || strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz") != "" {
			continue
		}
		list = append(list, syllable{text, folded, n})
		total += n
	}
	slices.SortFunc(list, func(a, b syllable) int {
		return cmp.Or(cmp.Compare(a.folded, b.folded), cmp.Compare(b.count, a.count), cmp.Compare(a.text, b.text))
	})
	if len(list) > math.MaxUint16 {
		return fmt.Errorf("%d syllables do not fit 16 bits", len(list))
	}
	index := make(map[string]int, len(list))
	for i, s := range list {
		index[s.text] = i
	}
	rows, kept, err := readPairs(pairFile, index, most)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("TVB1")
	put := func(n int) { b.Write(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	put(len(list))
	put(kept)
	offsets(&b, list, func(s syllable) string { return s.text })
	offsets(&b, list, func(s syllable) string { return s.folded })
	for _, s := range list {
		b.WriteByte(score(s.count, total))
	}
	at := 0
	for i := range list {
		put(at)
		at += len(rows[i])
	}
	put(at)
	for i := range list {
		for _, p := range rows[i] {
			b.Write(binary.LittleEndian.AppendUint16(nil, uint16(p.second)))
		}
	}
	for i, s := range list {
		for _, p := range rows[i] {
			b.WriteByte(score(p.count, s.count))
		}
	}
	for _, s := range list {
		b.WriteString(s.text)
	}
	for _, s := range list {
		b.WriteString(s.folded)
	}
	fmt.Printf("%d syllables, %d pairs, %d bytes\n", len(list), kept, b.Len())
	return os.WriteFile(out, b.Bytes(), 0o644)
}

func offsets(b *bytes.Buffer, list []syllable, text func(syllable) string) {
	at := 0
	for _, s := range list {
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(at)))
		at += len(text(s))
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(at)))
}

// score is -10 ln(n/total), rounded, between 0 and 254.
func score(n, total int) byte {
	return byte(min(254, max(0, math.Round(-10*math.Log(float64(n)/float64(total))))))
}

type pair struct{ second, count int }

// readPairs keeps the commonest pairs of known syllables, by first syllable.
func readPairs(file string, index map[string]int, most int) ([][]pair, int, error) {
	counts, err := readCounts(file)
	if err != nil {
		return nil, 0, err
	}
	merged := make(map[[2]int]int)
	for text, n := range counts {
		a, b, ok := strings.Cut(text, " ")
		first, okA := index[canonical(a)]
		second, okB := index[canonical(b)]
		if ok && okA && okB {
			merged[[2]int{first, second}] += n
		}
	}
	all := make([][3]int, 0, len(merged))
	for p, n := range merged {
		all = append(all, [3]int{p[0], p[1], n})
	}
	slices.SortFunc(all, func(a, b [3]int) int {
		return cmp.Or(cmp.Compare(b[2], a[2]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	all = all[:min(most, len(all))]
	rows := make([][]pair, len(index))
	for _, p := range all {
		rows[p[0]] = append(rows[p[0]], pair{p[1], p[2]})
	}
	for _, row := range rows {
		slices.SortFunc(row, func(a, b pair) int { return a.second - b.second })
	}
	return rows, len(all), nil
}

// canonical is the text of a syllable as Tokenize gives it.
func canonical(s string) string {
	tokens := vietnamese.Tokenize(nil, vietnamese.Normalize(s))
	if len(tokens) != 1 {
		return ""
	}
	return tokens[0].Text
}

func readCounts(file string) (map[string]int, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	counts := make(map[string]int)
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		text, count, _ := strings.Cut(scanner.Text(), "\t")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil {
			continue // a heading
		}
		counts[text] += n
	}
	return counts, nil
}
