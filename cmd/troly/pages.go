package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// pageSettings say who stands between people and the pages.
type pageSettings struct {
	FrameAncestors string `env:"TROLY_FRAME_ANCESTORS"`
	TrustedProxies string `env:"TROLY_TRUSTED_PROXIES"`
	AsksPerMinute  int    `env:"TROLY_ASKS_PER_MINUTE" envDefault:"120"`
}

func (s pageSettings) check() error {
	_, err := s.ancestors()
	_, err2 := s.proxies()
	if s.AsksPerMinute < 1 {
		return fmt.Errorf("TROLY_ASKS_PER_MINUTE %d: write a number from 1", s.AsksPerMinute)
	}
	return cmp.Or(err, err2)
}

// ancestors are the origins of the sites that may show the chat in a frame.
func (s pageSettings) ancestors() ([]string, error) {
	var origins []string
	for _, o := range words(s.FrameAncestors) {
		u, err := url.Parse(o)
		// Nothing that could end the directive: the setting goes into a header.
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Host, `;,'"`) {
			return nil, fmt.Errorf("TROLY_FRAME_ANCESTORS %q: write the sites as https://name, with commas between", o)
		}
		origins = append(origins, o)
	}
	return origins, nil
}

// proxies are the addresses whose word on who asks is believed.
func (s pageSettings) proxies() ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, w := range words(s.TrustedProxies) {
		p, err := netip.ParsePrefix(w)
		if err != nil {
			a, addrErr := netip.ParseAddr(w)
			if addrErr != nil {
				return nil, fmt.Errorf("TROLY_TRUSTED_PROXIES %q: write addresses or ranges, for example 10.0.0.0/8, with commas between", w)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// words are the parts of a list with commas or spaces between.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
