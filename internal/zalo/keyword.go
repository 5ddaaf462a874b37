package zalo

import (
	"strings"
	"unicode"

	"troly/internal/vietnamese"
)

// keywords stand in for the commands that Zalo has no menu for. They are compared
// folded, so they work without diacritics too, and only as the whole message: "tôi
// muốn gặp cán bộ xã để xin giấy" is a question.
var keywords = map[string]string{
	"bat dau": "start", "start": "start",
	"tro giup": "help", "help": "help", "huong dan": "help", "huong dan su dung": "help", "menu": "help",
	"hoi viec khac": "moi", "viec khac": "moi", "hoi moi": "moi", "cau hoi moi": "moi",
	"xoa du lieu": "xoa", "xoa du lieu cua toi": "xoa",
	"gap can bo": "canbo", "cho toi gap can bo": "canbo", "toi muon gap can bo": "canbo", "gap nguoi that": "canbo",
}

// slashes are the commands as on other channels.
var slashes = map[string]string{
	"/start": "start", "/help": "help", "/trogiup": "help", "/moi": "moi", "/xoa": "xoa", "/canbo": "canbo", "/xa": "xa",
}

// withArgument begin a command whose argument follows.
var withArgument = []string{"chọn xã", "đổi xã", "chọn phường", "đổi phường"}

// Command tells whether text is a command: one of the keywords ("trợ giúp", "gặp
// cán bộ", "xóa dữ liệu", "hỏi việc khác", "bắt đầu", "đổi xã …"; with or without
// diacritics, in any case, a mark at the end does not matter) or a slash and its
// name. argument is what follows it as it was written. Without one, name is empty.
func Command(text string) (name, argument string) {
	text = strings.TrimSpace(text)
	if first, rest, _ := strings.Cut(text, " "); strings.HasPrefix(first, "/") {
		if name, ok := slashes[strings.ToLower(first)]; ok {
			return name, strings.TrimSpace(rest)
		}
		return "", ""
	}
	if len(text) > 200 { // no keyword and name of a commune is that long
		return "", ""
	}
	bare := strings.TrimFunc(text, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSpace(r) })
	parts := strings.Fields(bare)
	if name, ok := keywords[vietnamese.Fold(strings.Join(parts, " "))]; ok {
		return name, ""
	}
	for _, prefix := range withArgument {
		n := len(strings.Fields(prefix))
		if len(parts) > n && vietnamese.Fold(strings.Join(parts[:n], " ")) == vietnamese.Fold(prefix) {
			unit := parts[n-1] // the commune is named with "xã" or "phường", as on other channels it may be
			return "xa", unit + " " + strings.Join(parts[n:], " ")
		}
	}
	return "", ""
}
