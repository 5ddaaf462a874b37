package conversation

// Words that channels put around a reply.
const (
	SourcesBelow = "Nguồn:"
	ReadAll      = "Xem đầy đủ: " // and an address
	ChooseOne    = "Mời bạn chọn:"
	MoreChoices  = "Các lựa chọn khác:"
	AskThumbs    = "Nhắn 👍 nếu hữu ích, 👎 nếu chưa đúng." // where there are no buttons
	LabelGood    = "👍 Hữu ích"
	LabelBad     = "👎 Chưa đúng"
)

// CheckedOn says behind a source when it was checked.
func CheckedOn(day string) string { return " (kiểm tra ngày " + day + ")" }

// MenuLine is a command as a channel lists it.
type MenuLine struct{ Command, Does string }

// Menu is what channels with a menu show. What an app sends first, /start, needs no line.
func Menu() []MenuLine {
	return []MenuLine{
		{help, "Tôi giúp được gì, cách hỏi"},
		{anew, "Bắt đầu câu chuyện mới"},
		{staff, "Nhờ cán bộ giải đáp"},
		{commune, "Chọn xã, phường của bạn"},
		{erase, "Xóa dữ liệu về bạn"},
	}
}
