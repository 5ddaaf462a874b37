package zalo

import (
	"time"

	"troly/internal/webhook"
)

// code is what an error number of the Official Account API means.
type code struct {
	class   webhook.Class
	meaning string
}

// codes are the documented numbers. What is not here is Rejected.
var codes = map[int]code{
	-32:  {webhook.Later, "limit of calls of the app reached"},
	-100: {webhook.Rejected, "attachment expired"},
	-201: {webhook.Rejected, "a field is invalid"},
	-204: {webhook.Stopped, "official account disabled"},
	-205: {webhook.Stopped, "official account does not exist"},
	-209: {webhook.Stopped, "app not activated"},
	-210: {webhook.Rejected, "a parameter is too large"},
	-211: {webhook.Later, "quota of the official account used up"},
	-212: {webhook.Stopped, "app is not registered for this API"},
	-213: {webhook.Unreachable, "does not follow the account"},
	-216: {webhook.Stopped, "access token invalid"},
	-217: {webhook.Unreachable, "blocks invitations"},
	-218: {webhook.Later, "quota of the recipient used up"},
	-219: {webhook.Stopped, "app removed"},
	-220: {webhook.Stopped, "access token expired or removed"},
	-221: {webhook.Stopped, "official account not verified"},
	-223: {webhook.Stopped, "official account has not granted the app"},
	-224: {webhook.Stopped, "package of the official account too low"},
	-227: {webhook.Unreachable, "banned or inactive for 45 days"},
	-230: {webhook.Unreachable, "did nothing here for 7 days"},
	-232: {webhook.Unreachable, "interaction expired"},
	-233: {webhook.Rejected, "type of message not allowed"},
	-234: {webhook.Rejected, "not at night"},
	-235: {webhook.Stopped, "wrong type of official account"},
	-240: {webhook.Rejected, "old API, closed"},
	-244: {webhook.Unreachable, "does not take this type"},
	-248: {webhook.Rejected, "against the rules for content"},
	-320: {webhook.Stopped, "no cloud account"},
	-321: {webhook.Stopped, "cloud account has no money"},

	-14002: {webhook.Stopped, "consent page: app inactive"},
	-14003: {webhook.Stopped, "consent page: wrong redirect address"},
}

// What the code of an error is when it was ours, not Zalo's.
const (
	codeWindow = "window-48h" // nothing heard for 48 hours, and billed messages are not allowed
	codePaused = "paused"     // nothing is sent by this account for a while
	codeToken  = "token"      // no access token can be had
)

// How long the free part of the window is.
const freeWindow = 48 * time.Hour

// quotaLater is when a message is tried again whose recipient's quota is used up.
const quotaLater = time.Hour
