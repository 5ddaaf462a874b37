package pipeline

// placeCues are how people ask about places; compared like facets, in this order.
var placeCues = [...][]string{
	asksWhere: {
		"thuộc xã nào", "thuộc phường nào", "thuộc xã phường nào", "thuộc xã gì", "thuộc phường gì", "thuộc xã mới nào", "thuộc phường mới nào", "thuộc xã tên gì", "thuộc đâu", "thuộc về đâu", "thuộc về xã", "thuộc về phường", "thuộc nơi nào", "thuộc chỗ nào", "thuộc đơn vị nào",
		"thuộc huyện nào", "là xã nào", "là phường nào", "là xã gì", "là phường gì", "là xã phường nào", "thành xã nào", "thành xã gì", "thành phường nào", "thành phường gì", "thành xã phường nào", "về xã nào", "về phường nào", "về với xã nào", "vào xã nào", "vào phường nào", "vào đâu", "vào chỗ nào", "vào với xã nào", "với xã nào", "với phường nào", "với những xã nào",
		"về đâu", "về chỗ nào", "nhập về đâu", "gộp về đâu", "sáp nhập với", "nhập với", "gộp với", "sáp nhập vào", "đổi tên thành", "đổi tên là gì", "đổi thành gì", "đổi thành xã", "tên mới là", "tên mới gì", "tên xã mới", "tên xã là", "tên phường là", "mang tên gì", "tên gì", "tên là gì", "gọi là gì", "gọi tên là gì", "bị sáp nhập", "có sáp nhập", "có nhập", "đã sáp nhập", "sáp nhập chưa", "phải nhập", "bị nhập", "giờ thành", "nay thành", "lại thành", "lên phường", "giờ sang", "nay sang", "là một rồi", "phải là một", "phải một xã", "chung một xã", "một xã rồi", "giờ gọi là", "nay gọi là", "giờ là gì", "nay là gì", "giờ là đâu", "nay là đâu", "giờ là xã", "nay là xã", "giờ là phường", "nay là phường", "xã mới nào", "phường mới nào", "giờ thuộc", "nay thuộc", "hiện thuộc",
	},
	asksOffice: {"ubnd", "ủy ban", "trụ sở", "công an", "một cửa", "trung tâm hành chính", "trung tâm phục vụ hành chính"},
	asksParts: {
		"mới gồm", "gồm những xã", "gồm những phường", "gồm các xã", "gồm các phường", "gồm xã", "gồm phường", "gồm mấy xã", "gồm bao nhiêu xã", "gồm những đơn vị", "gồm những nơi nào", "gồm những đâu", "gồm đâu", "từ những xã", "từ xã nào", "từ các xã", "từ mấy xã", "từ những phường", "từ các phường", "hình thành từ", "nhập từ", "ghép từ", "gộp từ", "lập từ", "thành lập từ",
		"xã cũ nào", "xã nào cũ", "phường cũ nào", "mấy xã cũ", "những xã nào nhập", "các xã nào nhập", "xã nào nhập lại", "xã nào gộp", "xã nào sáp nhập", "xã nào ghép", "trước là những xã", "trước đây là những xã", "trước là xã nào", "trước đây là xã nào", "ngày xưa là những xã",
	},
	asksDistrict: {
		"còn không", "còn nữa không", "còn tồn tại", "còn là huyện", "còn huyện", "còn là thành phố", "còn là thị xã", "bỏ chưa", "bỏ hẳn", "có còn", "còn hay", "chia thành", "chia ra", "chia làm", "tách thành", "tách ra", "thành những xã", "thành những phường", "thành các xã", "thành mấy xã", "thành mấy phường", "thành bao nhiêu", "có những xã nào", "gồm những xã", "còn những xã", "gồm những phường", "có những phường", "có mấy xã", "bao nhiêu xã", "bao nhiêu phường", "giải thể", "hay là phường", "là phường hay", "là thị xã hay",
	},
}

// nameless are the cues that ask for a place clearly enough to ask its name back.
var nameless = []string{
	"thuộc xã nào", "thuộc phường nào", "thuộc xã phường nào", "thuộc xã gì", "giờ thuộc", "nay thuộc", "sáp nhập vào", "nhập vào đâu", "nhập vào xã", "nhập vào phường", "gộp vào đâu", "gộp vào xã", "nhập với xã nào", "gộp với xã nào", "giờ là xã", "nay là xã", "giờ là phường", "nay là phường", "giờ gọi là", "nay gọi là", "đổi tên thành", "đổi thành xã", "xã mới nào", "phường mới nào", "tên xã mới",
}

// merging speaks of units that were put together: the places in such a question are
// what it is about.
var merging = []string{"sáp nhập", "hợp nhất", "nhập vào", "nhập với", "nhập tỉnh", "gộp vào", "gộp với", "gộp lại", "giữ nguyên", "xã mới", "phường mới", "địa chỉ"}

// districtWords speak of the district level or of its offices.
var districtWords = []string{"cấp huyện", "huyện nào", "huyện em", "huyện tôi", "huyện mình", "huyện nhà", "qua huyện", "về huyện", "ubnd huyện", "ủy ban huyện", "công an huyện", "lên huyện", "ra huyện", "ở huyện", "trên huyện", "dưới huyện", "xuống huyện", "tại huyện", "bỏ huyện", "huyện bỏ", "huyện cũ", "hết huyện", "không còn huyện", "huyện giải thể", "phòng tư pháp", "phòng lao động", "phòng tài nguyên", "phòng giáo dục huyện", "bảo hiểm xã hội huyện", "bảo hiểm huyện", "một cửa huyện", "thuế huyện"}

// whereWords ask for a place.
var whereWords = []string{"ở đâu", "chỗ nào", "nơi nào", "xã nào", "phường nào", "đâu", "địa chỉ", "đến đâu", "ra đâu"}

// Groups of the place table beyond the asks.
const (
	districtGroup = len(placeCues)
	whereGroup    = districtGroup + 1
	namelessGroup = districtGroup + 2
	mergerGroup   = districtGroup + 3
)

func newPlaceTable() *phraseTable {
	return newPhraseTable(append(placeCues[:], districtWords, whereWords, nameless, merging)...)
}
