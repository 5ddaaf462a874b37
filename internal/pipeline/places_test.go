package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"troly/internal/corpus"
	"troly/internal/pipeline"
	"troly/internal/vietnamese"
	"troly/knowledge"
)

var library = sync.OnceValue(func() *corpus.Library {
	lib, _, err := corpus.Load(knowledge.FS)
	if err != nil {
		panic(err)
	}
	return lib
})

func TestAskPlaces(t *testing.T) {
	for _, tt := range []struct {
		question string
		holds    []string
	}{
		{"Xã Đại Lịch cũ giờ thuộc xã nào", []string{"nay thuộc xã Chấn Thịnh", "1673/NQ-UBTVQH15", "16/06/2025", "Công an xã Chấn Thịnh", "01/07/2025"}},
		{norm.NFD.String("Xã Hoà Cuông cũ giờ thuộc xã nào"), []string{"nay thuộc xã Trấn Yên"}},
		{"xa dai lich gio sap nhap vao dau", []string{"nay thuộc xã Chấn Thịnh"}},
		{"x. Đại Lịch h. Văn Chấn giờ là xã gì", []string{"nay thuộc xã Chấn Thịnh"}},
		{"xã Cát Thịnh có bị sáp nhập không", []string{"giữ nguyên"}},
		{"xã Hát Lìu giờ thuộc xã nào", []string{"xã Hạnh Phúc", "chưa xác minh"}},
		{"xã Đào Thịnh cũ giờ thuộc xã nào", []string{"xã Trấn Yên", "chưa xác minh"}},
		{"huyện Văn Yên giờ còn không", []string{"không còn", "01/07/2025", "xã Mậu A", "xã Châu Quế"}},
		{"tp yên bái giờ chia thành những phường nào", []string{"không còn", "phường Yên Bái", "phường Văn Phú"}},
		{"phường Nam Cường mới gồm những xã nào cũ", []string{"xã Minh Bảo", "xã Cường Thịnh", "Chưa xác minh: xã Nga Quán"}},
		{"UBND xã mới của xã Hồng Ca ở đâu", []string{"xã Hưng Khánh", "chưa xác minh được"}},
		{"xã Thanh Bình bên Mường Khương với Thanh Bình Sa Pa giờ về đâu", []string{"xã Mường Khương", "xã Bản Hồ"}},
		{"thị trấn Trạm Tấu nay thuộc xã nào", []string{"nay thuộc xã Hạnh Phúc"}},
		{"phường Minh Tân cũ giờ là phường nào", []string{"nay thuộc phường Yên Bái"}},
	} {
		o := ask(tt.question)
		if o.Status != pipeline.Answered || !o.Verified || len(o.Citations) == 0 {
			t.Errorf("Ask(%q) = %s, checks %v, %d citations:\n%s", tt.question, o.Status, o.Checks, len(o.Citations), o.Answer)
		}
		for _, want := range tt.holds {
			if !strings.Contains(o.Answer, want) {
				t.Errorf("Ask(%q) lacks %q:\n%s", tt.question, want, o.Answer)
			}
		}
	}
}

// A name with several successors gets one short question; the next turn answers it
// by number or by words, also where only the words of the turn are kept.
func TestAskAmbiguousPlaces(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers map[string]string // what is picked -> what is then answered
	}{
		{"Nam Cường", map[string]string{"1": "phường Cam Đường", "ở thành phố Yên Bái": "phường Nam Cường"}},
		{"Tân An", map[string]string{"phường ạ": "phường Nghĩa Lộ", "huyện Văn Bàn": "xã Bảo Hà"}},
		{"Trung Tâm", map[string]string{"Lục Yên": "xã Phúc Lợi", "tx nghia lo": "phường Trung Tâm"}},
		{"Tân Thịnh", map[string]string{"1": "phường Văn Phú", "số 2": "xã Chấn Thịnh", "văn chấn nhé": "xã Chấn Thịnh", "phường Văn Phú ấy": "phường Văn Phú"}},
		{"Minh Tân", map[string]string{"Bảo Yên": "xã Thượng Hà", "cái thứ nhất": "xã Thượng Hà"}},
		{"Thanh Bình", map[string]string{"Sa Pa": "xã Bản Hồ", "muong khuong": "xã Mường Khương"}},
		{"Bảo Hưng", map[string]string{"1": "chưa xác minh", "Âu Lâu": "phường Âu Lâu"}},
	} {
		for _, question := range []string{"xã " + tt.name + " cũ giờ thuộc xã nào", vietnamese.Fold("xã " + tt.name + " sáp nhập vào đâu"), tt.name + " giờ thuộc đâu"} {
			first := ask(question)
			if first.Status != pipeline.Clarify || len(first.Choices) != 2 || len(first.Suggestions) != 2 || strings.Count(first.Answer, "?") != 1 {
				t.Errorf("Ask(%q) = %s with choices %q:\n%s\nwant one question with two choices", question, first.Status, first.Choices, first.Answer)
				continue
			}
			for picked, want := range tt.answers {
				for _, turn := range []pipeline.Turn{first.Turn(), {Question: question, Answer: first.Answer}} {
					if o := ask(picked, turn); o.Status != pipeline.Answered || !strings.Contains(o.Answer, want) {
						t.Errorf("after %q, Ask(%q) = %s:\n%s\nwant %q", question, picked, o.Status, o.Answer, want)
					}
				}
			}
		}
	}
}

func TestAskPlaceDialogue(t *testing.T) {
	unknown := ask("xã em giờ thuộc xã nào ạ")
	if unknown.Status != pipeline.Clarify {
		t.Fatalf("a place without a name: %s\n%s", unknown.Status, unknown.Answer)
	}
	for _, tt := range []struct{ before, question, want string }{
		{"xã em giờ thuộc xã nào ạ", "Đại Lịch, Văn Chấn", "xã Chấn Thịnh"},
		{"Xã Đại Lịch cũ giờ thuộc xã nào", "thế còn xã Hồng Ca thì sao", "xã Hưng Khánh"},
	} {
		if o := ask(tt.question, ask(tt.before).Turn()); !strings.Contains(o.Answer, tt.want) {
			t.Errorf("after %q, Ask(%q) = %s:\n%s\nwant %q", tt.before, tt.question, o.Status, o.Answer, tt.want)
		}
	}
	// Another commune that the table does not have is never taken for one it has.
	if o := ask("xã Văn Tiến cũ giờ thuộc xã nào"); o.Status != pipeline.Clarify || strings.Contains(o.Answer, "nay thuộc") {
		t.Errorf("an unknown commune: %s\n%s", o.Status, o.Answer)
	}
}

// Every former commune leads to its successor, every present one back.
func TestAskEveryCommune(t *testing.T) {
	for _, c := range library().Units.Communes {
		for _, f := range c.Former {
			question := f.Name + " " + corpus.Running(f.District) + " cũ giờ thuộc xã nào"
			o := ask(question)
			if f.Name == "Xã Bảo Hưng" {
				if o.Status != pipeline.Clarify {
					t.Errorf("Ask(%q) = %s, want clarify", question, o.Status)
				}
				continue
			}
			if o.Status != pipeline.Answered || !strings.Contains(o.Answer, corpus.Running(c.Name)) || strings.Contains(o.Answer, "chưa xác minh được chỗ này") == f.Confirmed {
				t.Errorf("Ask(%q) = %s:\n%s\nwant %s, confirmed %v", question, o.Status, o.Answer, c.Name, f.Confirmed)
			}
		}
		question := c.Name + " mới gồm những xã cũ nào"
		o := ask(question)
		for _, f := range c.Former {
			if o.Status != pipeline.Answered || !strings.Contains(o.Answer, corpus.Running(f.Name)) && !strings.Contains(o.Answer, "giữ nguyên") {
				t.Errorf("Ask(%q) = %s:\n%s\nwant %s", question, o.Status, o.Answer, f.Name)
			}
		}
	}
}

func TestAskEveryDistrict(t *testing.T) {
	u := library().Units
	for _, d := range u.Districts {
		for _, question := range []string{d.Name + " giờ còn không", vietnamese.Fold(d.Name) + " gio con khong"} {
			o := ask(question)
			if o.Status != pipeline.Answered || !strings.Contains(o.Answer, d.Name+" không còn") || len(o.Understood.OldUnits) == 0 {
				t.Errorf("Ask(%q) = %s, old units %q:\n%s", question, o.Status, o.Understood.OldUnits, o.Answer)
			}
			for _, c := range u.Within(d.Name) {
				if !strings.Contains(o.Answer, corpus.Running(c.Name)) {
					t.Errorf("Ask(%q) lacks %s:\n%s", question, c.Name, o.Answer)
				}
			}
		}
	}
}

// Every procedure says which office serves now when a district is named, and that
// the district is gone.
func TestEveryProcedureNamesTheOfficeOfToday(t *testing.T) {
	answered := 0
	for _, d := range library().Documents {
		if d.Kind != corpus.Procedure {
			continue
		}
		for _, question := range []string{d.Title + " ở huyện Văn Yên", "trước lên huyện, giờ " + d.Title + " nộp ở đâu"} {
			o := ask(question)
			if o.Status != pipeline.Answered {
				continue
			}
			answered++
			if !strings.Contains(o.Answer, "Từ 01/07/2025 không còn cấp huyện") || !o.Verified {
				t.Errorf("Ask(%q) does not say that districts ended:\n%s", question, o.Answer)
			}
			if len(o.Citations) > 0 && o.Citations[0].Document == "sap-nhap-tinh-lao-cai" {
				t.Errorf("Ask(%q): the first source is the merger, not the procedure", question)
			}
		}
	}
	if answered < 150 {
		t.Errorf("only %d questions on procedures were answered", answered)
	}
}

func TestPlacesInProcedureAnswers(t *testing.T) {
	for _, tt := range []struct{ question, want string }{
		{"nhà em xã Đại Lịch cũ, làm giấy khai sinh cho con cần giấy tờ gì", "Xã Đại Lịch (huyện Văn Chấn cũ) nay thuộc xã Chấn Thịnh"},
		{"em ở xã Cốc Mỳ làm giấy khai tử cho ông ở đâu", "nay thuộc xã Trịnh Tường"},
		{"xã Tân Thịnh cũ đăng ký kết hôn ở đâu", "nay thuộc phường Văn Phú; Xã Tân Thịnh (huyện Văn Chấn cũ) nay thuộc xã Chấn Thịnh"},
		{"em ở xã Đào Thịnh đăng ký kết hôn cần gì", "xã Trấn Yên (chưa xác minh)"},
		{"em ở huyện Lục Yên làm lại căn cước bị mất ở đâu", "không còn huyện Lục Yên. Nơi giải quyết nay là: Công an cấp xã"},
	} {
		if o := ask(tt.question); o.Status != pipeline.Answered || !strings.Contains(o.Answer, tt.want) || len(o.Understood.OldUnits) == 0 {
			t.Errorf("Ask(%q) = %s, old units %q:\n%s\nwant %q", tt.question, o.Status, o.Understood.OldUnits, o.Answer, tt.want)
		}
	}
}

// Words of everyday speech, names of persons and of today's communes are no old
// units.
func TestOrdinaryWordsAreNoPlaces(t *testing.T) {
	for _, question := range []string{
		"từ bản em ra trung tâm hành chính công tỉnh ở đâu",
		"nhà em ở xa trung tâm, làm khai sinh online được không",
		"nha em o xa trung tam, lam khai sinh qua mang duoc khong",
		"gia đình em muốn sống hạnh phúc, đăng ký kết hôn cần gì",
		"văn bản nào quy định lệ phí khai sinh",
		"van ban nao quy dinh le phi khai sinh",
		"em tên Minh Tân muốn đổi tên trong giấy khai sinh",
		"em là Hồng Hà, mất căn cước làm lại ở đâu",
		"anh Trần Phú làm giấy phép xây dựng ở đâu",
		"trợ cấp phúc lợi cho người cao tuổi",
		"cảm nhận của người dân về dịch vụ công gửi ở đâu",
		"làm hộ chiếu ở Yên Bái nộp ở đâu",
		"em ở Lào Cai đổi bằng lái hết bao nhiêu",
		"em ở phường Nghĩa Lộ làm căn cước ở đâu",
		"em ở xã Chấn Thịnh đăng ký kết hôn ở đâu",
		"hợp tác xã Đại Lịch xuất hóa đơn điện tử thế nào",
		"năm có mấy lần họp tổ, mẫu a nộp ở đâu",
	} {
		o := ask(question)
		if len(o.Understood.OldUnits) > 0 || strings.Contains(o.Answer, "nay thuộc") {
			t.Errorf("Ask(%q): old units %q, answer:\n%s", question, o.Understood.OldUnits, o.Answer)
		}
	}
}

func TestOldUnitsAreSorted(t *testing.T) {
	got := ask("xã Tân Thịnh cũ giờ thuộc xã nào").Understood.OldUnits
	want := []string{"Xã Tân Thịnh, huyện Văn Chấn, tỉnh Yên Bái cũ", "Xã Tân Thịnh, thành phố Yên Bái, tỉnh Yên Bái cũ"}
	if !slices.Equal(got, want) {
		t.Errorf("old units %q, want %q", got, want)
	}
}

func BenchmarkAskPlace(b *testing.B) {
	a := assistant()
	ask("làm giấy khai sinh") // the classifier is learned with the first question
	b.ReportAllocs()
	for b.Loop() {
		a.Ask(context.Background(), pipeline.Question{Text: "nhà bà ngoại em ở xã Đại Lịch huyện Văn Chấn cũ, giờ thuộc xã nào"})
	}
}

// Who is asked back or told that nothing is known is told of the districts all the same.
func TestNoDistrictWithoutAnAnswer(t *testing.T) {
	for _, tt := range []struct {
		question string
		status   pipeline.Status
	}{
		{"lên huyện Yên Bình sang tên được không", pipeline.Clarify},
		{"tòa án huyện Yên Bình giờ ở đâu", pipeline.Abstained},
	} {
		o := ask(tt.question)
		if o.Status != tt.status || !strings.HasPrefix(o.Answer, "Từ 01/07/2025 không còn cấp huyện") {
			t.Errorf("%q: %s %q, want %s that begins with the end of the districts", tt.question, o.Status, o.Answer, tt.status)
		}
	}
}
