package corpus_test

import (
	"strings"
	"testing"

	"troly/internal/corpus"
)

func TestAbolishedOffice(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"Nộp tại UBND huyện Văn Yên.", true},
		{"Nộp tại Ủy ban nhân dân huyện", true},
		{"Uỷ ban nhân dân cấp huyện giải quyết", true},
		{"Đến Công an huyện làm thẻ", true},
		{"Công an thị xã Nghĩa Lộ nhận hồ sơ", true},
		{"UBND thành phố Yên Bái cấp giấy", true},
		{"hỏi Phòng Tư pháp", true},
		{"Phòng Lao động - Thương binh và Xã hội huyện", true},
		{"Phòng LĐTBXH nhận đơn", true},
		{"Phòng Tài chính – Kế hoạch cấp đăng ký", true},
		{"Bảo hiểm xã hội huyện trả thẻ", true},
		{"BHXH huyện Lục Yên", true},
		{"Chi nhánh Văn phòng đăng ký đất đai huyện Bắc Hà", true},
		{"Bộ phận một cửa của huyện", true},
		{"bạn lên huyện nộp đơn", true},
		{"đổi bằng ở Sở Giao thông vận tải", true},
		{"Cấp huyện đã bỏ, nay đến UBND xã. Đơn nộp Công an huyện.", true},

		{"Công an cấp huyện đã bỏ, làm ở Công an cấp xã.", false},
		{"Trước đây thuộc UBND huyện; cấp huyện đã bỏ nên nay là xã.", false},
		{"Không còn cấp huyện: việc của Phòng Tư pháp huyện nay ở xã.", false},
		{"không phải lên huyện nữa", false},
		{"Thuế cơ sở quản lý địa bàn", false},
		{"BHXH cơ sở nơi cư trú", false},
		{"Chi nhánh Văn phòng Đăng ký đất đai khu vực nơi có đất", false},
		{"Phòng Cảnh sát giao thông Công an tỉnh", false},
		{"Phòng Quản lý xuất nhập cảnh, Công an tỉnh", false},
		{"UBND thành phố Hải Phòng công bố", false},
		{"Trung tâm Phục vụ hành chính công xã, phường", false},
		{"Xã Đại Lịch (huyện Văn Chấn cũ) nay thuộc xã Chấn Thịnh", false},
		{"UBND xã, phường nơi ở", false},
		{"", false},
	} {
		if clause, got := corpus.AbolishedOffice(tt.text); got != tt.want {
			t.Errorf("AbolishedOffice(%q) = %q %v, want %v", tt.text, clause, got, tt.want)
		}
	}
}

// No text that an answer may print sends anybody to an office that ended.
func TestKnowledgeNamesNoAbolishedOffice(t *testing.T) {
	lib, err := library()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range lib.Documents {
		texts := []string{d.Authority, d.Title}
		for _, rows := range [][]corpus.Fact{d.Fees, d.Durations, d.Amounts} {
			for _, f := range rows {
				texts = append(texts, f.For, f.Text, f.Ask, f.Condition.Words(), f.Note)
			}
		}
		for _, s := range d.Sections {
			for line := range strings.Lines(s.Body) {
				texts = append(texts, line)
			}
		}
		for _, text := range texts {
			if clause, found := corpus.AbolishedOffice(text); found {
				t.Errorf("%s sends people to an abolished office: %q", d.File, clause)
			}
		}
	}
	for _, c := range lib.Contacts {
		if clause, found := corpus.AbolishedOffice(c.Name + ". " + c.For + ". " + c.Address); found {
			t.Errorf("contact %s is an abolished office: %q", c.ID, clause)
		}
	}
}
