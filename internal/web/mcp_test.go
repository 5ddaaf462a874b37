package web_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"troly/internal/web"
)

func toolOptions(t *testing.T, assistant web.Assistant) web.Options {
	return web.Options{Assistant: assistant, Log: discard(), Library: realLibrary(t), Build: "thử"}
}

// connect gives a client of the tools, over pipes or over HTTP.
func connect(t *testing.T, opts web.Options, overHTTP bool) *mcp.ClientSession {
	t.Helper()
	var transport mcp.Transport
	if overHTTP {
		server := httptest.NewServer(web.New(opts))
		t.Cleanup(server.Close)
		transport = &mcp.StreamableClientTransport{Endpoint: server.URL + "/mcp", DisableStandaloneSSE: true}
	} else {
		ours, theirs := mcp.NewInMemoryTransports()
		session, err := web.NewTools(opts).Connect(t.Context(), ours, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { session.Close() })
		transport = theirs
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func TestTools(t *testing.T) {
	for _, overHTTP := range []bool{false, true} {
		assistant := writer{answer: "Tám nghìn [1]"}
		session := connect(t, toolOptions(t, assistant), overHTTP)
		if info := session.InitializeResult(); info.ServerInfo.Name != "troly" || info.Instructions == "" {
			t.Errorf("initialize = %+v", info)
		}
		tools, err := session.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tool := range tools.Tools {
			names = append(names, tool.Name)
			if tool.Description == "" || tool.InputSchema == nil || tool.OutputSchema == nil || tool.Annotations == nil || !tool.Annotations.ReadOnlyHint {
				t.Errorf("tool %+v is not described whole", tool)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "ask lookup_unit read_procedure search_procedures" {
			t.Errorf("tools = %s", got)
		}
		for _, tt := range []struct {
			tool  string
			in    map[string]any
			wrong bool
			want  string // in the structured content, or in the text when wrong
		}{
			{"search_procedures", map[string]any{"query": "khai sinh"}, false, `"document":"khai-sinh"`},
			{"search_procedures", map[string]any{"query": " "}, true, "query trống"},
			{"search_procedures", map[string]any{"query": "x", "limit": 21}, true, "từ 1 đến 20"},
			{"search_procedures", map[string]any{}, true, "query"},
			{"read_procedure", map[string]any{"id": "khai-sinh"}, false, `"fees":[{`},
			{"read_procedure", map[string]any{"id": "khai-sinh", "sections": []string{"ho-so"}, "as_of": "2027-03-01"}, false, `"sections":[{"heading":"Hồ sơ","id":"ho-so"`},
			{"read_procedure", map[string]any{"id": "tam-tru", "sections": []string{"le-phi"}}, false, `"sections":[{"heading":"Lệ phí","id":"le-phi","text":"- `}, // as the search names it
			{"read_procedure", map[string]any{"id": "khai-sinh", "sections": []string{"x"}}, true, "các mục: tom-tat"},
			{"read_procedure", map[string]any{"id": "khong-co"}, true, "không có tài liệu"},
			{"read_procedure", map[string]any{"id": "khai-sinh", "as_of": "1/3"}, true, "YYYY-MM-DD"},
			{"lookup_unit", map[string]any{"name": "dai lich"}, false, `"name":"Xã Chấn Thịnh"`},
			{"lookup_unit", map[string]any{"name": "Atlantis"}, true, "không thấy đơn vị"},
			{"ask", map[string]any{"question": "lệ phí khai sinh"}, false, `"answer":"Tám nghìn [1]"`},
			{"ask", map[string]any{"question": ""}, true, "question trống"},
			{"ask", map[string]any{"question": "x", "audience": "all"}, true, "citizen hoặc official"},
		} {
			got, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tt.tool, Arguments: tt.in})
			if err != nil {
				t.Errorf("%s(%v): %v", tt.tool, tt.in, err)
				continue
			}
			structured, _ := json.Marshal(got.StructuredContent)
			text := ""
			for _, c := range got.Content {
				text += c.(*mcp.TextContent).Text
			}
			shown := string(structured)
			if tt.wrong {
				shown = text
			}
			if got.IsError != tt.wrong || !strings.Contains(shown, tt.want) {
				t.Errorf("%s(%v) = error %v, %.300s, want error %v with %q", tt.tool, tt.in, got.IsError, shown, tt.wrong, tt.want)
			}
		}
	}
}

// What went wrong inside is not told to other programs.
func TestToolsKeepErrors(t *testing.T) {
	session := connect(t, toolOptions(t, fake{errors.New("disk on fire")}), false)
	for tool, in := range map[string]map[string]any{"ask": {"question": "x"}, "search_procedures": {"query": "x"}} {
		got, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: in})
		if err != nil {
			t.Fatal(err)
		}
		if text := got.Content[0].(*mcp.TextContent).Text; !got.IsError || text == "" || strings.Contains(text, "fire") {
			t.Errorf("%s of a broken assistant = %v %q, want an error for people", tool, got.IsError, text)
		}
	}
}

func TestToolsTakePostsOnly(t *testing.T) {
	handler := web.New(toolOptions(t, fake{}))
	if w := get(handler, "GET", "/mcp"); w.Code != 405 || w.Header().Get("Allow") != "POST, OPTIONS" {
		t.Errorf("GET /mcp = %d %v", w.Code, w.Header())
	}
	if w := post(handler, "/mcp", "{", "Accept", "application/json, text/event-stream"); w.Code != 400 {
		t.Errorf("POST /mcp of half an object = %d %s", w.Code, w.Body)
	}
	if w := post(handler, "/mcp", strings.Repeat(" ", 65<<10)+"{}", "Accept", "application/json, text/event-stream"); w.Code != 413 {
		t.Errorf("POST /mcp of 65 KiB = %d %s", w.Code, w.Body)
	}
}
