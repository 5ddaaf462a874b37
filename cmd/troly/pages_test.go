package main

import (
	"strings"
	"testing"
)

func TestPageSettings(t *testing.T) {
	for _, tt := range []struct {
		ancestors, proxies string
		wrong              string
	}{
		{"", "", ""},
		{"https://laocai.gov.vn, https://yenbai.gov.vn", "10.0.0.0/8 fd00::1,127.0.0.1", ""},
		{"https://*.laocai.gov.vn", "", ""},
		{"laocai.gov.vn", "", "TROLY_FRAME_ANCESTORS"},
		{"https://laocai.gov.vn/trang", "", "TROLY_FRAME_ANCESTORS"},
		{"https://a;script-src", "", "TROLY_FRAME_ANCESTORS"},
		{"*", "", "TROLY_FRAME_ANCESTORS"},
		{"'self'", "", "TROLY_FRAME_ANCESTORS"},
		{"", "10.0.0.0/33", "TROLY_TRUSTED_PROXIES"},
		{"", "proxy", "TROLY_TRUSTED_PROXIES"},
	} {
		err := pageSettings{FrameAncestors: tt.ancestors, TrustedProxies: tt.proxies, AsksPerMinute: 1}.check()
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), tt.wrong) {
			t.Errorf("check(%q, %q) = %v, want an error of %q", tt.ancestors, tt.proxies, err, tt.wrong)
		}
	}
	if err := (pageSettings{}).check(); err == nil {
		t.Error("no questions a minute are taken")
	}
}
