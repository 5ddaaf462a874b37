package retrieval

import (
	"strings"

	"troly/internal/vietnamese"
)

// stopPhrases are how questions are dressed: courtesies, pronouns, question words
// and asking for a fee, a time or a place, which every document answers. They say
// nothing about which document is meant. Written with diacritics; a phrase of two
// or more syllables also stops its unmarked form.
const stopPhrases = `
cho em hỏi; cho mình hỏi; cho tôi hỏi; cho hỏi; cho cháu hỏi; cho bác hỏi; cho chị hỏi; cho anh hỏi; em muốn hỏi; tôi muốn hỏi; mình muốn hỏi; cháu muốn hỏi; xin hỏi; hỏi chút; hỏi tí; em hỏi; xin chào; chào anh; chào chị; chào ad; chào bạn
cảm ơn; cám ơn; xin cảm ơn; giúp em; giúp tôi; giúp mình; giúp với; chỉ giúp; chỉ em; chỉ tôi; chỉ cho; tư vấn; hướng dẫn; mọi người ơi; mọi người; ad ơi; anh chị ơi; anh chị; cô chú; các bác
như thế nào; thế nào; ra sao; làm sao; làm thế nào; thì sao; phải làm sao; phải làm gì; làm gì; cần làm gì; thì làm; được không; được ko; có được không; có được; không ạ; được chưa; chưa ạ; thì phải; có phải; có cần; có cần phải; phải không; không biết; có sao không; có sao
bao nhiêu tiền; bao nhiêu; hết bao nhiêu; mất bao nhiêu; mất bao lâu; mất mấy; mất khoảng; tốn bao nhiêu; mất tiền; tốn tiền; mấy tiền; bao lâu; bao giờ; khi nào; mấy ngày; mấy hôm; bao nhiêu ngày; ở đâu; chỗ nào; nơi nào; đi đâu; ra đâu; đến đâu; làm ở đâu; nộp ở đâu; ở chỗ nào; đâu
giấy tờ gì; giấy tờ nào; những giấy tờ; cần những gì; cần gì; gồm những gì; những gì; cần mang; mang theo; mang gì; chuẩn bị; chuẩn bị gì; hồ sơ gồm; thủ tục; thủ tục gì; làm thủ tục; cái gì
bây giờ; hiện nay; hiện tại; năm nay; hôm nay; hôm qua; ngày mai; sắp tới; vừa rồi; vừa mới; mới đây; trước đây
một cái; một chút; cái này; cái đó; việc này; việc đó; trường hợp này; như vậy; như này; thế này; thế thì; vậy thì; thế còn; vậy còn
nhà em; nhà tôi; nhà mình; em muốn; tôi muốn; mình muốn; cháu muốn; muốn làm; đang muốn; em cần; tôi cần; em đang; tôi đang; em bị; tôi bị; em có; tôi có; mình có; em được; tôi được; của em; của tôi; của mình
em; tôi; mình; cháu; bác; anh; chị; ạ; ơi; với; nhé; nhỉ; vậy; thế; thì; là; mà; và; hay; hoặc; có; không; được; phải; cần; muốn; định; đang; sẽ; đã; rồi; nữa; luôn; cũng; vẫn; còn; nên; gì; nào; sao; ai; mấy; này; đó; kia; ấy; đây; cái; những; các; một; vài; cho; của; ở; để; ra; lên; vào; về; từ; đến; tại; thôi; chứ; hả; hở; à; ừ; dạ; vâng; xin; hỏi; biết; làm; đi; bị; do; vì; nếu; khi; lúc; như; theo; bằng; trên; trong; ngoài; dưới; sau; trước; qua; lại; tới; rất; quá; lắm; hết; cả; mỗi; từng; đều; chỉ; mới; vừa; sắp; chưa; nó; họ; chúng; ta; ông; bà; cô; chú; thưa; giờ; giúp; lấy; nhưng; tự; xong; thấy; bảo; nói; kiểu; ko; k; dc; đc; r; v; z; ak; nka; vs; ad; j
`

// stopWords finds stop phrases in questions.
type stopWords struct {
	phrases map[string][][]string // first syllable -> the phrases' further syllables
	folded  map[string][][]string // likewise unmarked, phrases of two syllables and more
}

func newStopWords() *stopWords {
	s := &stopWords{phrases: make(map[string][][]string), folded: make(map[string][][]string)}
	for _, phrase := range strings.FieldsFunc(stopPhrases, func(r rune) bool { return r == ';' || r == '\n' }) {
		words := strings.Fields(phrase)
		s.phrases[words[0]] = append(s.phrases[words[0]], words[1:])
		if len(words) > 1 {
			folded := strings.Fields(vietnamese.Fold(phrase))
			s.folded[folded[0]] = append(s.folded[folded[0]], folded[1:])
		}
	}
	return s
}

// mark returns, for each token, whether it belongs to a stop phrase.
func (s *stopWords) mark(tokens []vietnamese.Token) []bool {
	stopped := make([]bool, len(tokens))
	for i, t := range tokens {
		n := max(longest(s.phrases[t.Text], tokens[i+1:], false), longest(s.folded[t.Folded], tokens[i+1:], true))
		for j := i; j < i+n; j++ {
			stopped[j] = true
		}
	}
	return stopped
}

// longest is the length of the longest phrase that goes on with the tokens, its
// first syllable included; 0 when none does.
func longest(rests [][]string, tokens []vietnamese.Token, folded bool) int {
	best := 0
	for _, rest := range rests {
		if len(rest)+1 <= best || len(rest) > len(tokens) {
			continue
		}
		ok := true
		for i, w := range rest {
			if folded {
				ok = ok && tokens[i].Folded == w
			} else {
				ok = ok && tokens[i].Text == w
			}
		}
		if ok {
			best = len(rest) + 1
		}
	}
	return best
}

// content returns the tokens of a question that say what it is about, in order.
func (s *stopWords) content(tokens []vietnamese.Token) []vietnamese.Token {
	var content []vietnamese.Token
	for i, stopped := range s.mark(tokens) {
		if !stopped {
			content = append(content, tokens[i])
		}
	}
	return content
}
