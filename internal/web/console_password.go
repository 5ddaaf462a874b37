package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"troly/internal/database"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// What a new password costs to try: 19 MiB and two passes are what OWASP names as the
// least; about 20 ms here. An older hash is checked with what it was made with.
const (
	argonMemory  = 19 << 10 // KiB
	argonPasses  = 2
	argonThreads = 1
	argonKey     = 32
)

// Bounds of a hash that is checked, so that a damaged row cannot take the memory.
const (
	mostArgonMemory = 256 << 10 // KiB
	mostArgonPasses = 16
)

// Lengths of a password, in characters.
const (
	MinPassword = 12
	maxPassword = 200
)

// errPassword is about a hash that cannot be read.
var errPassword = errors.New("no argon2id hash")

// HashPassword makes what is kept of a password: a PHC string of argon2id. The error
// is for the person who chose it.
func HashPassword(password string) (string, error) {
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return "", fmt.Errorf("a password has at least %d characters", MinPassword)
	case n > maxPassword:
		return "", fmt.Errorf("a password has at most %d characters", maxPassword)
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonThreads, argonKey)
	text := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonThreads, text.EncodeToString(salt), text.EncodeToString(key)), nil
}

// checkPassword reports whether a password is the one of a hash. It takes as long for
// a wrong one as for the right one.
func checkPassword(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errPassword
	}
	var memory, passes uint32
	var threads uint8
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil || n != 3 {
		return false, errPassword
	}
	salt, err := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err != nil {
		return false, errPassword
	}
	key, err := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil {
		return false, errPassword
	}
	if memory < 8 || memory > mostArgonMemory || passes < 1 || passes > mostArgonPasses || threads < 1 || len(salt) < 8 || len(key) < 16 || len(key) > 64 {
		return false, errPassword
	}
	if utf8.RuneCountInString(password) > maxPassword {
		return false, nil
	}
	tried := argon2.IDKey([]byte(norm.NFC.String(password)), salt, passes, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(tried, key) == 1, nil
}

// NewPassword makes a password that is easy to type: four groups of five letters and
// digits without those that look alike, 97 random bits.
func NewPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	var b strings.Builder
	for b.Len() < 23 {
		if b.Len()%6 == 5 {
			b.WriteByte('-')
		}
		var one [1]byte
		_, _ = rand.Read(one[:]) // never fails
		if n := int(one[0]); n < 256/len(letters)*len(letters) {
			b.WriteByte(letters[n%len(letters)])
		}
	}
	return b.String()
}

// nobody is a hash that is checked when there is no such account, so that this takes
// as long as when there is one.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// passwordPage changes one's own password.
type passwordPage struct {
	Name      string
	Elsewhere bool // the account signs in elsewhere and has none here
	Least     int  // characters
	Problem   string
}

func (c *console) passwordForm(w http.ResponseWriter, r *http.Request, me database.Account) {
	c.showPassword(w, r, http.StatusOK, me, "")
}

func (c *console) showPassword(w http.ResponseWriter, r *http.Request, status int, me database.Account, problem string) {
	c.show(w, r, status, "password", me, passwordPage{me.Name, me.Hash == "", MinPassword, problem})
}

// newPasswordProblem says what is wrong with a new password, "" when nothing is.
func newPasswordProblem(old, password, again string) string {
	switch n := utf8.RuneCountInString(norm.NFC.String(password)); {
	case n < MinPassword:
		return "Mật khẩu mới cần ít nhất " + strconv.Itoa(MinPassword) + " ký tự."
	case n > maxPassword:
		return "Mật khẩu mới dài quá."
	case password != again:
		return "Hai lần gõ mật khẩu mới không giống nhau."
	case password == old:
		return "Mật khẩu mới phải khác mật khẩu hiện nay."
	}
	return ""
}

// changePassword takes the present password and twice the new one. Whoever is signed
// in with the old one elsewhere is signed out.
func (c *console) changePassword(w http.ResponseWriter, r *http.Request, me database.Account) {
	old, password := r.PostForm.Get("cu"), r.PostForm.Get("moi")
	problem := newPasswordProblem(old, password, r.PostForm.Get("lai"))
	if me.Hash == "" || problem != "" { // of an account without a password the page says why
		c.showPassword(w, r, http.StatusBadRequest, me, problem)
		return
	}
	wait, err := c.attempt(r, me.Name) // as for signing in: whoever finds a browser signed in guesses no faster
	if err != nil {
		c.broken(w, r, me, "set password", err)
		return
	}
	if wait > 0 {
		c.showPassword(w, r, http.StatusTooManyRequests, me, "Bạn đã thử quá nhiều lần. Chờ "+spell(wait)+" rồi thử lại.")
		return
	}
	right, err := c.checked(r.Context(), me.Hash, old)
	if err != nil {
		c.broken(w, r, me, "check password", err)
		return
	}
	if !right {
		c.audit(r, me.Name, "", "set password refused", me.Name)
		c.showPassword(w, r, http.StatusForbidden, me, "Mật khẩu hiện nay không đúng.")
		return
	}
	hash, err := HashPassword(password)
	if err == nil {
		err = c.db.SetPassword(r.Context(), database.By{Who: me.Name}, me.Name, hash)
	}
	if err != nil {
		c.broken(w, r, me, "set password", err)
		return
	}
	if err := c.db.Succeeded(r.Context(), "account "+me.Name); err != nil {
		c.log.Warn("attempts not forgotten", "err", err)
	}
	c.begin(w, r, me, consolePath+"/mat-khau?xong=mat-khau")
}
