package corpus

import (
	"regexp"
	"strings"

	"troly/internal/vietnamese"
)

// The offices of the district level ended on 1 July 2025 with the level itself.
// Offices that only changed their area live on and are not meant: Thuế cơ sở, BHXH
// cơ sở, a chi nhánh văn phòng đăng ký đất đai khu vực, the police of a commune.
var (
	// ofDistrict are offices of any level; one is abolished when it is a district's.
	ofDistrict = regexp.MustCompile(`(?i)(UBND|ủy ban nhân dân|ủy ban|HĐND|hội đồng nhân dân|công an|phòng [\p{L} ,&-]{2,40}?|thanh tra|chi cục thuế|BHXH|bảo hiểm xã hội|một cửa|trung tâm (phục vụ )?hành chính công|văn phòng đăng ký( quyền sử dụng)?( đất đai| đất)?|VPĐKĐĐ|VPĐK|tòa án( nhân dân)?|viện kiểm sát( nhân dân)?|ban chỉ huy quân sự|kho bạc( nhà nước)?|trung tâm dịch vụ việc làm)( của| ở| tại)? (cấp )?(huyện|quận|thị xã|thành phố (yên bái|lào cai)|TP\.? (yên bái|lào cai))`)
	// byName were offices of the district wherever they are named; and the
	// department for driving licences, which the police took over.
	byName = regexp.MustCompile(`(?i)phòng tư pháp|phòng (lao động|LĐ-?\s?TB)|phòng tài chính\s?- kế hoạch|phòng tài nguyên|phòng TN-?MT|phòng giáo dục|phòng GD|phòng nội vụ|sở giao thông|sở GTVT`)
	// lift is going up to the district as such.
	goToDistrict = regexp.MustCompile(`(?i)(nộp|đến|tới|tại|ra|lên|xuống|về|gặp|hỏi)( hồ sơ| đơn)?( ở| tại| lên)? (cấp )?huyện`)
	// ended says of an office that it is gone, or that something was before.
	ended = regexp.MustCompile(`(?i)không còn|đã bỏ|bỏ cấp huyện|bỏ huyện|đã kết thúc|giải thể|giải tán|trước đây|trước kia|trước (làm|thuộc|nộp|do|ở|01/0?7/2025|0?1/7/2025)|ngày trước|hồi trước|thay cho|thay vì|đã chuyển|chuyển việc|(không|chẳng|khỏi)( cần| phải)? (lên|đến|tới|ra|nộp|qua|về|xuống)|lỗi thời|(huyện|thị xã|thành phố)[\p{L} ]{0,20} cũ|huyện \(cũ\)`)
)

// AbolishedOffice returns the first place of text that sends somebody to an office
// that no longer exists: a clause that names one and does not say that it is gone.
func AbolishedOffice(text string) (clause string, found bool) {
	text = vietnamese.Normalize(strings.ReplaceAll(text, "\n", " . "))
	for clause := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(".;!?•", r) }) {
		if !districtWord(clause) || ended.MatchString(clause) {
			continue
		}
		if ofDistrict.MatchString(clause) || byName.MatchString(clause) || goToDistrict.MatchString(clause) {
			return strings.TrimSpace(clause), true
		}
	}
	return "", false
}

// districtWord reports whether a clause has a word without which none of the patterns
// matches: a look that costs little beside them.
func districtWord(clause string) bool {
	clause = strings.ToLower(clause)
	for _, word := range []string{"huyện", "quận", "thị xã", "thành phố", "tp", "phòng", "sở g"} {
		if strings.Contains(clause, word) {
			return true
		}
	}
	return false
}

// offices refuses to send anybody to an abolished office.
func (c *checker) offices() {
	const advice = "the district level ended on 01/07/2025: name the office of today, or say that it is gone"
	if clause, found := AbolishedOffice(c.doc.Authority); found {
		c.field("authority", "authority %q: %s", clause, advice)
	}
	for _, rows := range c.doc.rows() {
		for i := range rows.facts {
			f := &rows.facts[i]
			if clause, found := AbolishedOffice(f.Ask + ". " + f.Note + ". " + f.Text); found {
				c.row(f, "%q: %s", clause, advice)
			}
		}
	}
	for _, s := range c.doc.Sections {
		for text := range strings.Lines(s.Body) {
			if clause, found := AbolishedOffice(text); found {
				c.at(strings.TrimSpace(text), "section %q: %q: %s", s.Heading, clause, advice)
			}
		}
	}
}
