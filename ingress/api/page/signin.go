package page

import (
	"net/http"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// signInView is the sign-in form. Unsent is the text that a person posted after the session had ended.
type signInView struct {
	Return, Unsent, Problem string
}

// requireSession shows the form to sign in where the visitor is not known.
func requireSession(handle func(*visit)) func(*visit) {
	return func(v *visit) {
		switch {
		case v.signedIn:
			handle(v)
		case v.r.Method == http.MethodGet && v.r.Header.Get("Sec-Fetch-Site") == "cross-site":
			// A request from a link on another site has no SameSite=Strict cookie. This page reloads the address, and that request has it.
			v.render(http.StatusOK, "again", view{Title: "Signalbox", Data: v.r.URL.RequestURI()})
		case v.r.Method == http.MethodGet:
			v.askToSignIn(http.StatusUnauthorized, signInView{Return: v.r.URL.RequestURI()})
		default:
			v.askToSignIn(http.StatusUnauthorized, signInView{
				Return: v.form.Get("return"), Unsent: v.form.Get("text"),
				Problem: "The session has ended, and nothing was sent. Sign in and do it again.",
			})
		}
	}
}

func (v *visit) askToSignIn(status int, form signInView) {
	v.render(status, "signin", view{Title: "Sign in", Data: form})
}

func (v *visit) signInForm() {
	if v.signedIn {
		http.Redirect(v.w, v.r, "/", http.StatusSeeOther)
		return
	}
	v.askToSignIn(http.StatusOK, signInView{Return: "/"})
}

// signIn checks the token. Then it ends the session of the request's cookie, if there is one, and begins one with a new ID.
func (v *visit) signIn() {
	form := signInView{Return: v.form.Get("return"), Unsent: v.form.Get("text")}
	source := v.s.deps.Source(v.r)
	if !v.s.signInLimiter.Allow(source) {
		wait := strconv.Itoa(int(signInEvery.Seconds()))
		v.s.strangers.Warn("sign-in throttled", zap.Stringer("source", source))
		v.w.Header().Set("Retry-After", wait)
		form.Problem = "Too many attempts from this address. Wait " + wait + " seconds and try again."
		v.askToSignIn(http.StatusTooManyRequests, form)
		return
	}
	secret := strings.TrimSpace(v.form.Get("token"))
	token, known := v.s.deps.API.Caller(secret)
	if !known || secret == "" {
		v.s.strangers.Warn("sign-in refused", zap.Stringer("source", source))
		form.Problem = "That token is not known, or no longer valid."
		v.askToSignIn(http.StatusUnauthorized, form)
		return
	}
	v.s.signInLimiter.GiveBack(source)
	v.endSession()
	if v.s.deps.API.WantsToken() {
		cookie, err := v.s.sessions.begin(secret)
		if err != nil {
			v.refuse(err, "")
			return
		}
		http.SetCookie(v.w, sessionCookie(cookie, v.secure()))
	}
	v.s.deps.Log.Info("signed in", zap.String("by", token.Name), zap.Stringer("source", source))
	form.Return = local(form.Return, "/").String()
	if form.Unsent == "" {
		http.Redirect(v.w, v.r, form.Return, http.StatusSeeOther)
		return
	}
	v.token, v.secret, v.signedIn = token, secret, true
	v.render(http.StatusOK, "kept", view{Title: "You are signed in", Data: form})
}

func (v *visit) signOut() {
	v.endSession()
	http.SetCookie(v.w, sessionCookie("", v.secure()))
	http.Redirect(v.w, v.r, "/sign-in", http.StatusSeeOther)
}

func (v *visit) endSession() {
	if cookie, err := v.r.Cookie(cookieName(v.secure())); err == nil {
		v.s.sessions.end(cookie.Value)
	}
}
