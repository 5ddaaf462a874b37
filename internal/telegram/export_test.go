package telegram

import (
	"context"
	"net"
	"net/http"
)

// OnDial is asked before each connection; an error refuses it.
func (c *Channel) OnDial(allow func(addr string) error) {
	t := c.client.Transport.(*http.Transport)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := allow(addr); err != nil {
			return nil, err
		}
		return dial(ctx, network, addr)
	}
}

var (
	UTF16Range  = utf16Range
	SplitCmd    = splitCommand
	Tidy        = tidy
	GoodURL     = goodURL
	MaxUnits    = maxUnits
	Description = (*Channel).description
)
