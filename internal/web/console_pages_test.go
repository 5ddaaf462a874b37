package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"troly/internal/corpus"
	"troly/internal/database"
	"troly/internal/pipeline"
	"troly/internal/web"
)

func TestOutcomes(t *testing.T) {
	o := newOffice(t, nil)
	first := o.asked("a", "lệ phí tạm trú", "15.000 đồng [1]", pipeline.Answered, "tam-tru")
	o.clock.add(48 * time.Hour)
	o.asked("b", "chuyện trên trời", "", pipeline.Abstained)
	if err := o.db.AddFeedback(t.Context(), database.Feedback{Outcome: first, Reason: "Sai số tiền", Channel: "telegram", Person: "p-a", At: o.clock.now()}); err != nil {
		t.Fatal(err)
	}
	c := o.session("evaluator")
	for query, want := range map[string][2]bool{
		"": {true, true}, "trang-thai=abstained": {false, true}, "kenh=telegram": {true, true}, "kenh=web": {false, false}, "viec=tam-tru": {true, false}, "y-kien=bad": {true, false},
		"y-kien=good": {false, false}, "kiem-tra=any": {false, false}, "chu=TROI": {false, true}, "tu=2026-11-28": {false, true}, "den=2026-11-27": {true, false}, "truoc=hong": {false, false},
	} {
		status, body, _ := o.page(c, "/console/cau-hoi?"+query, nil)
		if got := [2]bool{strings.Contains(body, "lệ phí tạm trú"), strings.Contains(body, "chuyện trên trời</a>")}; got != want || status != 200 {
			t.Errorf("?%s: status %d, shows %v, want %v", query, status, got, want)
		}
	}
	_, body, _ := o.page(c, "/console/cau-hoi/"+first, nil)
	for _, want := range []string{"15.000 đồng", "Sai số tiền", "0.8300", "Con số có trong nguồn", "0.4 ms", "k1", "b1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the trace does not show %q", want)
		}
	}
	if strings.Contains(body, "/tiep-nhan") {
		t.Error("an evaluator is offered what they may not")
	}
	for i := range 60 {
		o.asked(fmt.Sprint("n", i), fmt.Sprintf("câu số %d", i), "x", pipeline.Answered)
	}
	_, body, _ = o.page(c, "/console/cau-hoi", nil)
	next := regexp.MustCompile(`href="(/console/cau-hoi\?truoc=[^"]+)"`).FindStringSubmatch(body)
	if next == nil {
		t.Fatal("no second page is offered")
	}
	if _, body, _ := o.page(c, html.UnescapeString(next[1]), nil); !strings.Contains(body, "lệ phí tạm trú") || strings.Contains(body, "câu số 59") {
		t.Error("the second page is not the older one")
	}
}

func TestAskSideBySide(t *testing.T) {
	o := newOffice(t, nil)
	c := o.session("officer")
	_, body, _ := o.page(c, "/console/tra-cuu?q="+url.QueryEscape("đăng ký tạm trú hết bao nhiêu tiền"), nil)
	for _, want := range []string{"15.000 đồng", "Căn cứ pháp lý", `href="/tt/tam-tru/phieu"`, "data-copy"} {
		if !strings.Contains(body, want) {
			t.Errorf("the answer does not show %q", want)
		}
	}
	if n := strings.Count(body, `class="panel card"`); n != 2 {
		t.Errorf("%d cards, want 2", n)
	}
	_, body, _ = o.page(c, "/console/tra-cuu?q=khai+sinh&so=khai-sinh&so=tam-tru&so=ket-hon", nil)
	if n := strings.Count(body, `class="panel card"`); n < 1 || n > 3 {
		t.Errorf("%d cards, want 1 to 3", n)
	}
	_, body, _ = o.page(c, "/console/tra-cuu?q=khai+sinh&linh-vuc=khong-co", nil)
	if !strings.Contains(body, "Không có tài liệu nào khớp bộ lọc") {
		t.Error("a filter that lets nothing through is not explained")
	}
	if _, body, _ := o.page(c, "/console/truy-van?q=khai+sinh", nil); !strings.Contains(body, "khai-sinh/") || !regexp.MustCompile(`điểm \d+\.\d{4}`).MatchString(body) {
		t.Error("what retrieval returns has no scores")
	}
	if status, body, _ := o.page(c, "/console/tra-cuu?q="+url.QueryEscape("số căn cước 015204001234 của tôi"), nil); status != 200 || strings.Contains(body, "015204001234") {
		t.Error("personal data of the question is shown")
	}
}

func TestApprovedAnswers(t *testing.T) {
	versions := map[string]string{"khai-sinh": "v1", "tam-tru": "v1"}
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Versions = func() map[string]string { return versions }
		_, assistant := real()
		opts.Console.Withholds = func(answer string, documents []string) []string {
			answer = strings.ReplaceAll(answer, "0216 385 2999", "113") // which its library has not
			return assistant.Withholds(pipeline.Approved{Answer: answer, Documents: documents})
		}
		lib := *opts.Library // with a number of an office that looks like anybody's
		lib.Contacts = append(slices.Clone(lib.Contacts), corpus.Contact{ID: "van-phong", Phone: "02163852999", Verified: true})
		opts.Library = &lib
	})
	id := o.asked("a", "khai sinh muộn có bị phạt không", "Không bị phạt [1]", pipeline.Answered, "khai-sinh")
	c := o.session("officer")
	_, body, _ := o.page(c, "/console/duyet/moi?cau-hoi="+id, nil)
	for _, want := range []string{"khai sinh muộn có bị phạt không", "Không bị phạt [1]", `value="khai-sinh" checked`} {
		if !strings.Contains(body, want) {
			t.Errorf("the form does not begin with %q", want)
		}
	}
	form := func(change ...string) url.Values {
		v := url.Values{"hoi": {"Khai sinh muộn có bị phạt không?\nkhai sinh trễ hạn"}, "dap": {"Khai sinh muộn không bị phạt tiền."}, "nguon": {"khai-sinh", ""}, "nguoi": {"officer"}, "den": {"2027-03-31"}, "tu-cau-hoi": {id}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	for _, wrong := range [][]string{{"hoi", ""}, {"dap", ""}, {"nguon", ""}, {"nguon", "khong-co"}, {"nguoi", "khong-co"}, {"den", ""}, {"den", "2026-11-01"}, {"den", "2030-01-01"}, {"dap", "Gọi anh Nam số 0912345678 nhé"}, {"dap", "Gọi 0216 385 2998 nhé"},
		{"dap", "Xem ở https://dichvucong-gov.xyz nhé."}, {"dap", "Đến Ủy ban nhân dân huyện Văn Chấn nộp nhé."}, {"dap", "Khai sinh muon thi khong bi phat tien dau ban nhe."}} {
		status, body, _ := o.page(c, "/console/duyet/moi", form(wrong...))
		if status != http.StatusBadRequest || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%q: status %d, want 400 with a reason", wrong, status)
		}
	}
	if all, _ := o.db.ApprovedAnswers(t.Context()); len(all) != 0 {
		t.Fatalf("%d were kept all the same", len(all))
	}
	if status, body, _ := o.page(c, "/console/duyet/moi", form("dap", "Khai sinh muộn không bị phạt tiền. Hỏi thêm: 0216 385 2999.")); status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", status, body)
	}
	a, err := o.db.ApprovedByID(t.Context(), 1)
	if err != nil || len(a.Questions) != 2 || a.Owner != "officer" || a.State != database.ApprovedActive || !slices.Equal(a.Sources, []database.ApprovedSource{{Document: "khai-sinh", Version: "v1"}}) || a.Outcome != id {
		t.Fatalf("kept %+v, %v", a, err)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 1 {
		t.Errorf("%d may be given now, want 1", len(current))
	}
	versions = map[string]string{"khai-sinh": "v2"}
	if _, body, _ := o.page(c, "/console/duyet", nil); !strings.Contains(body, "Nguồn đã đổi") {
		t.Error("a changed source is not shown in the list")
	}
	_, body, _ = o.page(c, "/console/duyet/1", nil)
	if !strings.Contains(body, "Nguồn đã đổi nên câu này không được dùng") {
		t.Error("a changed source is not shown on the page")
	}
	seen := regexp.MustCompile(`name="thay-luc" value="(\d+)"`).FindStringSubmatch(body)
	if status, _, _ := o.page(c, "/console/duyet/1", form("thay-luc", "1")); status != http.StatusConflict {
		t.Errorf("saving over a newer state: %d, want 409", status)
	}
	if status, _, _ := o.page(c, "/console/duyet/1", form("thay-luc", seen[1], "dap", "Mới")); status != http.StatusSeeOther {
		t.Errorf("saving: %d", status)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 1 || current[0].Answer != "Mới" {
		t.Errorf("after saving anew: %+v", current)
	}
	if status, _, _ := o.page(c, "/console/duyet/1/thu-hoi", url.Values{}); status != http.StatusBadRequest {
		t.Errorf("withdrawing without a reason: %d, want 400", status)
	}
	if status, _, _ := o.page(c, "/console/duyet/1/thu-hoi", url.Values{"ly-do": {"Quy định đã đổi"}}); status != http.StatusSeeOther {
		t.Errorf("withdrawing: %d", status)
	}
	if current, _ := o.db.CurrentApproved(t.Context(), versions); len(current) != 0 {
		t.Error("a withdrawn answer may be given")
	}
	if log := o.log(); log[0] != "officer set approved answer approved answer 1 withdrawn Quy định đã đổi" {
		t.Errorf("log %q", log[0])
	}
}

func TestSwitches(t *testing.T) {
	told := 0
	o := newOffice(t, func(opts *web.Options) { opts.Console.Changed = func(context.Context) { told++ } })
	c := o.session("admin")
	for _, wrong := range []url.Values{{"ten": {"model"}, "bat": {"0"}}, {"ten": {"model"}, "bat": {"0"}, "ly-do": {"  "}}, {"ten": {"khong-co"}, "bat": {"0"}, "ly-do": {"x"}}} {
		if status, _, _ := o.page(c, "/console/cong-tac", wrong); status != http.StatusBadRequest {
			t.Errorf("%v: status %d, want 400", wrong, status)
		}
	}
	if status, _, _ := o.page(c, "/console/cong-tac", url.Values{"ten": {"telegram"}, "bat": {"0"}, "ly-do": {"Bảo trì đường truyền"}}); status != http.StatusSeeOther {
		t.Fatalf("status %d", status)
	}
	set, err := o.db.Switches(t.Context())
	if err != nil || len(set) != 1 || set[0].On || set[0].Reason != "Bảo trì đường truyền" || set[0].Who != "admin" || told != 1 {
		t.Errorf("switches %+v, %v, told %d times", set, err, told)
	}
	for _, role := range []string{"officer", "editor", "evaluator", "admin"} {
		if _, body, _ := o.page(o.session(role), "/console/tra-cuu", nil); !strings.Contains(body, "Đang tắt: Kênh Telegram") || !strings.Contains(body, "Bảo trì đường truyền") {
			t.Errorf("%s does not see what is off", role)
		}
	}
	if log := o.log(); !slices.Contains(log, "admin switch off telegram Bảo trì đường truyền") {
		t.Errorf("log %q", log)
	}
	if _, body, _ := o.page(c, "/console/nhat-ky?viec=switch+off", nil); !strings.Contains(body, "Bảo trì đường truyền") || strings.Contains(body, "<td>Tạo tài khoản</td>") {
		t.Error("the log is not shown by kind")
	}
}

func TestKnowledgeState(t *testing.T) {
	o := newOffice(t, func(opts *web.Options) {
		opts.Console.Lint = func() ([]corpus.Problem, error) {
			return []corpus.Problem{{File: "procedures/a.md", Line: 3, Message: "nói khác b.md"}}, nil
		}
		opts.Console.Runs = func() ([]web.Run, error) {
			return []web.Run{{Name: "lan-1", At: someDay, Figures: []web.Figure{{Name: "Đúng", Value: "91,2 %"}}, More: []web.Figure{{Name: "ndcg@10", Value: "97,1 %"}}}}, nil
		}
	})
	for i, q := range []string{"mua bảo hiểm xe máy ở đâu", "bảo hiểm xe máy giá bao nhiêu", "mất bảo hiểm xe máy thì sao", "câu cá ở hồ Thác Bà"} {
		o.asked(fmt.Sprint(i), q, "", pipeline.Abstained)
	}
	c := o.session("editor")
	_, body, _ := o.page(c, "/console/tri-thuc", nil)
	for _, want := range []string{"procedures/a.md, dòng 3: nói khác b.md", "(4 từ 28/10/2026)"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if !regexp.MustCompile(`<h3>bảo hiểm xe máy \(3\)</h3>`).MatchString(body) {
		t.Errorf("the three questions on one matter are not together: %q", regexp.MustCompile(`<h3>[^<]*</h3>`).FindAllString(body, -1))
	}
	_, body, _ = o.page(c, "/console/chat-luong", nil)
	for _, want := range []string{"lan-1", "<dd>91,2 %</dd>", "<details><summary>Các chỉ số khác (1)</summary>", "<dd>97,1 %</dd>", `<th scope="row">27/11/2026</th><td>4</td>`} {
		if !strings.Contains(body, want) {
			t.Errorf("quality does not show %q", want)
		}
	}
}
