package pipeline

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

const aReply = `{"complete":"full","used":[1,2],"sentences":[{"text":"Bạn nộp ở xã {F1}, \"ngay\".","passages":[1]},{"text":"Hai.","passages":[1,2]}]}`

func TestParseReply(t *testing.T) {
	want := modelReply{"full", []int{1, 2}, []modelSentence{{`Bạn nộp ở xã {F1}, "ngay".`, []int{1}}, {"Hai.", []int{1, 2}}}}
	for name, text := range map[string]string{
		"bare": aReply, "fenced": "```json\n" + aReply + "\n```", "fence without a name": "```\n" + aReply + "```", "after thinking": "<think>{hm}</think>\n" + aReply,
	} {
		if got, err := parseReply(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: parseReply = %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "words": "Lệ phí là 8.000 đồng.", "two": aReply + aReply, "words after": aReply + " xong", "cut": aReply[:60], "array": "[]", "null": "null",
		"other fields": `{"answer":"x"}`, "wrong types": `{"complete":"full","used":"1","sentences":[]}`, "wrong word": `{"complete":"yes","used":[1],"sentences":[]}`,
		"a field missing": `{"complete":"full","sentences":[]}`,
	} {
		if got, err := parseReply(text); !errors.Is(err, errNotAReply) {
			t.Errorf("%s: parseReply(%q) = %+v, %v, want errNotAReply", name, text, got, err)
		}
	}
}

// The reader finds the same sentences wherever the text is cut.
func TestReplyReader(t *testing.T) {
	want, err := parseReply(aReply)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"bare": aReply, "fenced": "```json\n" + aReply + "```", "after thinking": "<think>{hm}</think>" + aReply} {
		for size := 1; size < 40; size++ {
			var r replyReader
			var got []modelSentence
			for i := 0; i < len(text); i += size {
				got = append(got, r.add(text[i:min(i+size, len(text))])...)
			}
			if !reflect.DeepEqual(got, want.Sentences) || r.head == nil || r.head.Complete != "full" {
				t.Errorf("%s in pieces of %d bytes: %v, head %v", name, size, got, r.head)
			}
		}
	}
	var r replyReader
	if got := r.add(`{"sentences":[{"text":"a","passages":[1]}],"used":[1],"complete":"full"}`); len(got) != 0 {
		t.Errorf("sentences before what they rest on: %v, want them read at the end", got)
	}
}

func FuzzReply(f *testing.F) {
	f.Add(aReply, 3)
	f.Add("```json\n{}", 1)
	f.Add(`{"complete":"none","used":[],"sentences":[{"text":"\\\""}]}`, 7)
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(1, size&63)
		var r replyReader
		var found []modelSentence
		for i := 0; i < len(text); i += size {
			found = append(found, r.add(text[i:min(i+size, len(text))])...)
		}
		whole, err := parseReply(text)
		if err != nil {
			return
		}
		if r.head != nil && !reflect.DeepEqual(append([]modelSentence{}, whole.Sentences...), append([]modelSentence{}, found...)) {
			// Only a repeated field makes the two differ: the last one counts at the end.
			var fields map[string]json.RawMessage
			if json.Unmarshal([]byte(unwrapped(text)), &fields) == nil && len(whole.Sentences) == len(found) {
				t.Errorf("%q: found %v on the way, %v at the end", text, found, whole.Sentences)
			}
		}
	})
}
