package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"troly/internal/corpus"
	"troly/internal/pipeline"
)

// NewTools returns the assistant as tools for the models of others (Model Context
// Protocol): over stdio in `troly mcp`, over HTTP at /mcp.
func NewTools(opts Options) *mcp.Server { return newAPI(opts, nil, nil).tools() } // whoever has the process may ask without a limit

const toolsUse = "Tra cứu thủ tục hành chính và kỹ năng số cho người dân Yên Bái (nay thuộc tỉnh Lào Cai). " +
	"Số tiền, thời hạn và căn cứ lấy nguyên từ kết quả của công cụ, kèm nguồn và ngày kiểm tra; không tự suy đoán. " +
	"Địa danh cũ tra bằng lookup_unit: từ 01/7/2025 không còn cấp huyện và nhiều xã đã sắp xếp lại."

func (a *api) tools() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "troly", Title: "Trợ lý số Yên Bái", Version: a.build}, &mcp.ServerOptions{
		Instructions: toolsUse,
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}, // the list never changes
	})
	mcp.AddTool(s, readOnly("search_procedures", "Tìm thủ tục",
		"Tìm đoạn hướng dẫn về thủ tục hành chính, kỹ năng số và thông tin địa phương hợp với câu hỏi tiếng Việt (có dấu hoặc không dấu). Trả về mã tài liệu để đọc tiếp bằng read_procedure."), a.toolSearch)
	mcp.AddTool(s, readOnly("read_procedure", "Đọc một thủ tục",
		"Đọc toàn bộ một tài liệu theo mã: hồ sơ, nơi nộp, lệ phí, thời hạn, mức hưởng (kèm điều kiện, thời gian áp dụng, căn cứ, độ tin cậy), nguồn và ngày kiểm tra."), a.toolRead)
	mcp.AddTool(s, readOnly("lookup_unit", "Tra đơn vị hành chính",
		"Tra tên xã, phường, thị trấn, huyện cũ hoặc mới của Yên Bái và Lào Cai: đơn vị cũ nay thuộc đâu, đơn vị mới thành lập từ đâu."), a.toolUnit)
	mcp.AddTool(s, readOnly("ask", "Hỏi trợ lý",
		"Hỏi trợ lý một câu bằng tiếng Việt và nhận câu trả lời đã kiểm chứng với nguồn [1], [2]… Dùng khi cần câu trả lời hoàn chỉnh cho người dân."), a.toolAsk)
	return s
}

// readOnly describes a tool that looks things up in the knowledge and changes nothing.
func readOnly(name, title, description string) *mcp.Tool {
	closed := false
	return &mcp.Tool{Name: name, Title: title, Description: description, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed, Title: title}}
}

// overHTTP serves the tools to whoever posts to /mcp. Each request stands alone: any
// number of servers may stand behind one address.
func (a *api) overHTTP() http.HandlerFunc {
	tools := a.tools()
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return tools }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: a.log, MaxRequestBodyBytes: maxBody,
		// The protection is against pages that reach what only this machine may: here
		// is nothing that not everybody may. A proxy on this machine passes names on.
		DisableLocalhostProtection: true,
	}).ServeHTTP
}

type searchInput struct {
	Query string `json:"query" jsonschema:"điều cần tìm, ví dụ: đăng ký khai sinh quá hạn"`
	Limit int    `json:"limit,omitempty" jsonschema:"số đoạn tối đa, từ 1 đến 20; mặc định 5"`
}

type searchOutput struct {
	Passages []foundPassage `json:"passages" jsonschema:"các đoạn tìm được, hợp nhất trước"`
}

type foundPassage struct {
	Document string      `json:"document" jsonschema:"mã tài liệu, dùng cho read_procedure"`
	Section  string      `json:"section" jsonschema:"mã mục trong tài liệu"`
	Title    string      `json:"title" jsonschema:"tên thủ tục"`
	Heading  string      `json:"heading" jsonschema:"tên mục"`
	Text     string      `json:"text" jsonschema:"nội dung, có thể bị cắt bớt"`
	URL      string      `json:"url,omitempty" jsonschema:"trang chính thức"`
	Checked  corpus.Date `json:"checked,omitempty" jsonschema:"ngày kiểm tra, YYYY-MM-DD"`
	Score    float64     `json:"score" jsonschema:"độ phù hợp, so sánh trong một lần tìm"`
}

func (a *api) toolSearch(ctx context.Context, _ *mcp.CallToolRequest, in searchInput) (*mcp.CallToolResult, searchOutput, error) {
	if strings.TrimSpace(in.Query) == "" {
		return nil, searchOutput{}, errors.New("query trống: hãy viết điều cần tìm")
	}
	if in.Limit == 0 {
		in.Limit = 5
	}
	if in.Limit < 1 || in.Limit > 20 {
		return nil, searchOutput{}, errors.New("limit phải từ 1 đến 20")
	}
	found, err := a.find(ctx, pipeline.Question{Text: in.Query}, in.Limit)
	if err != nil {
		return nil, searchOutput{}, errors.New("chưa tìm được lúc này, hãy thử lại sau ít phút")
	}
	out := searchOutput{Passages: make([]foundPassage, len(found))}
	for i, p := range found {
		out.Passages[i] = foundPassage{p.Document, p.Section, p.Title, p.Heading, p.Text, p.URL, p.Checked, p.Score}
	}
	return nil, out, nil
}

type readInput struct {
	ID       string   `json:"id" jsonschema:"mã tài liệu, ví dụ: khai-sinh"`
	Sections []string `json:"sections,omitempty" jsonschema:"chỉ lấy các mục này, ví dụ: ho-so, le-phi; bỏ trống để lấy tất cả"`
	AsOf     string   `json:"as_of,omitempty" jsonschema:"số liệu áp dụng vào ngày này, YYYY-MM-DD; mặc định hôm nay"`
}

func (a *api) toolRead(_ context.Context, _ *mcp.CallToolRequest, in readInput) (*mcp.CallToolResult, openDocument, error) {
	asOf := corpus.Today(a.now())
	if in.AsOf != "" {
		day, err := corpus.ParseDate(in.AsOf)
		if err != nil {
			return nil, openDocument{}, fmt.Errorf("as_of %q: viết ngày theo dạng YYYY-MM-DD, ví dụ 2026-11-23", in.AsOf)
		}
		asOf = day
	}
	doc := a.shelf.lib.Document(in.ID)
	if doc == nil {
		return nil, openDocument{}, fmt.Errorf("không có tài liệu nào mang mã %q: hãy tìm mã bằng search_procedures", in.ID)
	}
	out := a.shelf.open(doc, asOf)
	if len(in.Sections) > 0 {
		// As the search names them: those that only typed rows fill are among them.
		var ids []string
		out.Sections = []openSection{}
		for _, s := range a.shelf.lib.Passages(doc) {
			ids = append(ids, s.ID)
			if slices.Contains(in.Sections, s.ID) {
				out.Sections = append(out.Sections, openSection{s.ID, s.Heading, s.Body})
			}
		}
		if len(out.Sections) == 0 {
			return nil, openDocument{}, fmt.Errorf("tài liệu %q không có mục nào trong số đó; các mục: %s", in.ID, strings.Join(ids, ", "))
		}
	}
	return nil, out, nil
}

type unitInput struct {
	Name string `json:"name" jsonschema:"tên đơn vị, có hoặc không có chữ xã, phường, huyện phía trước; ví dụ: xã Đại Lịch"`
}

type unitOutput struct {
	Places     []corpus.Whereabouts `json:"places" jsonschema:"mọi nơi mà tên ấy có thể chỉ"`
	Since      corpus.Date          `json:"since,omitempty" jsonschema:"ngày bắt đầu của các đơn vị hiện nay"`
	Resolution string               `json:"resolution,omitempty" jsonschema:"nghị quyết sắp xếp"`
	Checked    corpus.Date          `json:"checked,omitempty" jsonschema:"ngày kiểm tra bảng"`
}

func (a *api) toolUnit(_ context.Context, _ *mcp.CallToolRequest, in unitInput) (*mcp.CallToolResult, unitOutput, error) {
	units := a.shelf.lib.Units
	places := units.Lookup(in.Name)
	if len(places) == 0 {
		return nil, unitOutput{}, fmt.Errorf("không thấy đơn vị nào tên %q ở Yên Bái và Lào Cai: hãy viết riêng tên, hoặc thêm xã, phường, thị trấn, huyện phía trước", cut(in.Name, 80))
	}
	out := unitOutput{Places: make([]corpus.Whereabouts, len(places)), Since: units.Since, Resolution: units.Resolution.Ref, Checked: units.Checked}
	for i, p := range places {
		out.Places[i] = units.Whereabouts(p)
	}
	return nil, out, nil
}

type askInput struct {
	Question string `json:"question" jsonschema:"câu hỏi bằng tiếng Việt, có dấu hoặc không dấu"`
	Audience string `json:"audience,omitempty" jsonschema:"citizen (người dân) hoặc official (cán bộ); bỏ trống cho cả hai"`
}

type askOutput struct {
	Status      pipeline.Status     `json:"status" jsonschema:"answered, clarify (hỏi lại), abstained (chưa đủ căn cứ), refused hoặc smalltalk"`
	Answer      string              `json:"answer" jsonschema:"câu trả lời, [1] là nguồn thứ nhất"`
	Citations   []pipeline.Citation `json:"citations" jsonschema:"các nguồn của câu trả lời"`
	Suggestions []string            `json:"suggestions" jsonschema:"nên hỏi tiếp, hoặc các lựa chọn khi status là clarify"`
	Verified    bool                `json:"verified" jsonschema:"mọi phép kiểm tra đều đạt"`
}

func (a *api) toolAsk(ctx context.Context, _ *mcp.CallToolRequest, in askInput) (*mcp.CallToolResult, askOutput, error) {
	if strings.TrimSpace(in.Question) == "" {
		return nil, askOutput{}, errors.New("question trống: hãy viết câu hỏi")
	}
	if !a.on() {
		return nil, askOutput{}, errors.New("trợ lý đang tạm dừng trả lời; search_procedures và read_procedure vẫn dùng được")
	}
	q, err := question(in.Question, in.Audience, "")
	if err != nil {
		return nil, askOutput{}, errors.New("audience là citizen hoặc official")
	}
	o := a.think(ctx, "mcp", q, nil)
	if o.Status == pipeline.Failed {
		return nil, askOutput{}, errors.New(o.Answer)
	}
	text := o.Answer + sourceList(o.Citations)
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}},
		askOutput{o.Status, o.Answer, orEmpty(o.Citations), orEmpty(o.Suggestions), o.Verified}, nil
}
