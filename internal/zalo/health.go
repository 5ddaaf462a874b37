package zalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Run keeps the token pair alive while nobody writes: a refresh token dies after
// three months, an access token after a day. It returns when ctx ends.
func (a *Account) Run(ctx context.Context) {
	for {
		_, _ = a.tokens.access(ctx) // a failure is logged and counted there, and shows in Health
		if a.opts.Sleep(ctx, checkEvery) != nil {
			return
		}
	}
}

// Status is what an operator sees of the account.
type Status struct {
	OAID     string    `json:"oa_id"`
	Name     string    `json:"name"`
	Verified bool      `json:"verified"`
	Token    time.Time `json:"token_got"`     // when the access token was got
	Expires  time.Time `json:"token_expires"` // when it ends
	Quota    *Quota    `json:"quota,omitempty"`
}

// Health asks Zalo who the account is. An error says what to do when an operator
// can do something (*OperatorError), else what failed.
func (a *Account) Health(ctx context.Context) (Status, error) {
	token, err := a.tokens.access(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("zalo official account: %w", err)
	}
	got, err := a.whoAmI(ctx, token)
	if errors.Is(err, errToken) {
		if token, err = a.tokens.renew(ctx, token); err != nil {
			return Status{}, fmt.Errorf("zalo official account: %w", err)
		}
		got, err = a.whoAmI(ctx, token)
	}
	if err != nil {
		return Status{}, fmt.Errorf("zalo official account: %w", err)
	}
	if a.opts.OAID != "" && got.OAID != "" && got.OAID != a.opts.OAID {
		return got, fmt.Errorf("zalo official account: %w", &OperatorError{"the token belongs to another account", "sửa ZALO_OA_ID hoặc lấy refresh token của đúng OA"})
	}
	p := a.tokens.held()
	got.Token, got.Expires = p.Got, p.Expires
	a.quota.mu.Lock()
	defer a.quota.mu.Unlock()
	if a.quota.known {
		q := a.quota.last
		got.Quota = &q
	}
	return got, nil
}

// Ready says without a call why nothing can be sent, as far as this process knows:
// there is no access token. nil means that none is missing.
func (a *Account) Ready() error {
	if p := a.tokens.held(); p.Access != "" && a.opts.Now().Before(p.Expires) {
		return nil
	}
	if err := a.tokens.waiting(); err != nil {
		return fmt.Errorf("zalo official account: %w", err)
	}
	return nil
}

// TokenAge is how old the access token is; false when this process has none yet.
func (a *Account) TokenAge() (time.Duration, bool) {
	p := a.tokens.held()
	return a.opts.Now().Sub(p.Got), p.Access != ""
}

var errToken = errors.New("access token refused")

func (a *Account) whoAmI(ctx context.Context, token string) (Status, error) {
	req, err := http.NewRequest(http.MethodGet, a.opts.APIURL+"/v2.0/oa/getoa", nil)
	if err != nil {
		return Status{}, failed(err, false, []string{token})
	}
	got, err := a.authorized(ctx, req, token)
	if err != nil {
		return Status{}, fmt.Errorf("ask who the account is: %w", err)
	}
	var r struct {
		Error *scalar `json:"error"`
		Data  struct {
			OAID     scalar          `json:"oa_id"`
			OldID    scalar          `json:"oaid"`
			Name     scalar          `json:"name"`
			Verified json.RawMessage `json:"is_verified"`
		} `json:"data"`
	}
	into(got.body, &r)
	if r.Error == nil {
		return Status{}, fmt.Errorf("ask who the account is: status %d without a result", got.status)
	}
	number, _ := strconv.Atoi(string(*r.Error))
	switch {
	case number == -216 || number == -220:
		return Status{}, errToken
	case number != 0:
		return Status{}, fmt.Errorf("ask who the account is: code %d, %s", number, codes[number].meaning)
	}
	verified := string(r.Data.Verified)
	return Status{OAID: string(first(r.Data.OAID, r.Data.OldID)), Name: string(r.Data.Name), Verified: verified == "true" || verified == "1" || verified == `"true"`}, nil
}
