package corpus

import "troly/internal/vietnamese"

// level says on which level the word of a unit is; it is the word itself.
type level string

func (l level) commune() bool  { return l == "xã" || l == "phường" || l == "thị trấn" }
func (l level) district() bool { return l == "huyện" || l == "thị xã" || l == "thành phố" }

// wordBefore reads the word for a unit that stands before token i, written out or
// short: "thị xã", "tx". A commune may follow "x" or "p", a district "h".
func wordBefore(tokens []vietnamese.Token, i int) (word level, start int, sure bool) {
	if i == 0 {
		return "", i, false
	}
	t := &tokens[i-1]
	before := ""
	if i > 1 {
		before = tokens[i-2].Folded
	}
	switch t.Folded {
	case "xa":
		switch {
		case before == "thi" && tokens[i-2].Text != "thì":
			return "thị xã", i - 2, true
		case before == "tac" && (t.Text == "xã" || t.Text == "xa"):
			return "hợp tác xã", i - 1, true // a cooperative, whatever its name
		case t.Text == "xã":
			return "xã", i - 1, true
		case t.Text == "xa":
			return "xã", i - 1, false
		}
	case "tran":
		if before == "thi" && (t.Text == "trấn" || t.Text == "tran") {
			return "thị trấn", i - 2, true
		}
	case "pho":
		if before == "thanh" && (t.Text == "phố" || t.Text == "pho") {
			return "thành phố", i - 2, true
		}
	case "phuong":
		if t.Text == "phường" || t.Text == t.Folded {
			return "phường", i - 1, true
		}
	case "huyen":
		if t.Text == "huyện" || t.Text == t.Folded {
			return "huyện", i - 1, true
		}
	case "tinh":
		if t.Text == "tỉnh" || t.Text == t.Folded {
			return "tỉnh", i - 1, true
		}
	}
	if word, ok := shortWords[t.Folded]; ok {
		return word, i - 1, false
	}
	return "", i, false
}

// shortWords are the usual abbreviations; they are read only before a known name.
var shortWords = map[string]level{"x": "xã", "p": "phường", "f": "phường", "tt": "thị trấn", "h": "huyện", "tx": "thị xã", "tp": "thành phố", "t": "tỉnh"}
