package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A program starts troly mcp and uses it through standard input and output.
func TestMCPOverStdio(t *testing.T) {
	var errs strings.Builder
	cmd := exec.Command("troly", "mcp", "--data", t.TempDir()) // TestMain puts it on the path
	cmd.Env, cmd.Stderr = append(os.Environ(), "TROLY_KNOWLEDGE_DIR="), &errs
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatalf("connect: %v; it said %s", err, errs.String())
	}
	for _, tt := range []struct {
		tool, in string
		want     string
	}{
		{"search_procedures", `{"query":"lam giay khai sinh"}`, `"document":"khai-sinh"`},
		{"read_procedure", `{"id":"khai-sinh"}`, `"figure":"8.000 đồng/bản"`},
		{"lookup_unit", `{"name":"xã Đại Lịch"}`, `Xã Chấn Thịnh`},
		{"ask", `{"question":"làm giấy khai sinh cho con cần giấy tờ gì"}`, `"status":"answered"`},
	} {
		got, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tt.tool, Arguments: json.RawMessage(tt.in)})
		if err != nil {
			t.Fatalf("%s(%s): %v; it said %s", tt.tool, tt.in, err, errs.String())
		}
		structured, _ := json.Marshal(got.StructuredContent)
		if got.IsError || !strings.Contains(string(structured), tt.want) {
			t.Errorf("%s(%s) = error %v, %.500s, want %s", tt.tool, tt.in, got.IsError, structured, tt.want)
		}
	}
	if err := session.Close(); err != nil {
		t.Errorf("it did not end with its input: %v; it said %s", err, errs.String())
	}
	if errs.Len() > 0 {
		t.Errorf("it said on stderr: %s", errs.String())
	}
}
