package evaluation_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"troly/internal/corpus"
	"troly/internal/evaluation"
)

func TestRate(t *testing.T) {
	files := fstest.MapFS{}
	add := func(id, title, body string) {
		files["skills/"+id+".md"] = &fstest.MapFile{Data: fmt.Appendf(nil, "---\nid: %s\ntitle: %s\nkind: skill\nchecked: 2026-11-23\n---\n## Tóm tắt\n%s\n", id, title, body)}
	}
	add("mat-khau", "Đặt mật khẩu", "Dùng mười hai ký tự.")
	add("sao-luu", "Sao lưu ảnh", "Chép ảnh sang thẻ nhớ.")
	for i := range 12 {
		add(fmt.Sprintf("anh-%d", i), "Chụp ảnh đẹp", "Giữ máy thật chắc tay.")
	}
	lib, problems, err := corpus.Load(files)
	if err != nil {
		t.Fatal(err, problems)
	}
	ask := func(question, doc string) evaluation.Case {
		return evaluation.Case{ID: "a", BaseID: "a", Variant: evaluation.Plain, Question: question, ExpectedDocs: []evaluation.ExpectedDoc{{Doc: doc, Grade: 3}}}
	}
	author := ask("đặt mật khẩu", "mat-khau")
	author.Difficulty = "hard"
	related := ask("đặt mật khẩu", "mat-khau")
	related.ExpectedDocs[0].Grade = 1
	for _, tt := range []struct {
		c    evaluation.Case
		want string
	}{
		{ask("đặt mật khẩu thế nào", "mat-khau"), "easy"},
		{ask("đặt mật khẩu cho ảnh", "sao-luu"), "medium"}, // its few words rank it above the other pictures
		{ask("chụp ảnh đẹp để sao", "mat-khau"), "hard"},
		{ask("quên pass thì sao", "mat-khau"), "hard"},
		{author, "hard"},
		{related, ""},
	} {
		typo := tt.c
		typo.ID, typo.Variant, typo.Question, typo.Difficulty = "a.typo", evaluation.Typo, "đtặ", ""
		cases := []evaluation.Case{typo, tt.c}
		evaluation.Rate(cases, lib)
		if got := cases[1].Difficulty; got != tt.want {
			t.Errorf("%q for %s is %q, want %q", tt.c.Question, tt.c.ExpectedDocs[0].Doc, got, tt.want)
		}
		if cases[0].Difficulty != tt.want {
			t.Errorf("%q mistyped is %q, want %q as typed well", tt.c.Question, cases[0].Difficulty, tt.want)
		}
		if rated, bare := evaluation.DataHash(cases[1:]), evaluation.DataHash([]evaluation.Case{tt.c}); rated != bare {
			t.Errorf("rating %q makes other data of it: %s, %s", tt.c.Question, rated, bare)
		}
	}
}
