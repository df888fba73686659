package page

import (
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// signInView is the form, with a text that was not sent since the session had ended.
type signInView struct {
	Return, Kept, Problem string
}

// requireSession shows the form to sign in where the visitor is not known.
func requireSession(handle func(*visit)) func(*visit) {
	return func(v *visit) {
		switch {
		case v.signed:
			handle(v)
		case v.r.Method == http.MethodGet && v.r.Header.Get("Sec-Fetch-Site") == "cross-site":
			// A link of another site brings no strict cookie. The same address asked for by this page does.
			v.render(http.StatusOK, "again", view{Title: "Signalbox", Data: v.r.URL.RequestURI()})
		case v.r.Method == http.MethodGet:
			v.askToSignIn(http.StatusUnauthorized, signInView{Return: v.r.URL.RequestURI()})
		default:
			v.askToSignIn(http.StatusUnauthorized, signInView{
				Return: v.form.Get("return"), Kept: v.form.Get("text"),
				Problem: "The session has ended, and nothing was sent. Sign in and do it again.",
			})
		}
	}
}

func (v *visit) askToSignIn(status int, form signInView) {
	v.render(status, "signin", view{Title: "Sign in", Data: form})
}

func (v *visit) signInForm() {
	if v.signed {
		http.Redirect(v.w, v.r, "/", http.StatusSeeOther)
		return
	}
	v.askToSignIn(http.StatusOK, signInView{Return: "/"})
}

// signIn begins a session with a new ID, also where a cookie came.
func (v *visit) signIn() {
	form := signInView{Return: v.form.Get("return"), Kept: v.form.Get("text")}
	source := v.s.deps.Source(v.r).String()
	if !v.s.tries.allow(source) {
		v.s.deps.Log.Warn("sign-in throttled", zap.String("source", source))
		v.w.Header().Set("Retry-After", "10")
		form.Problem = "Too many tries from this address: wait some seconds and try again."
		v.askToSignIn(http.StatusTooManyRequests, form)
		return
	}
	secret := strings.TrimSpace(v.form.Get("token"))
	token, known := v.s.deps.API.Caller(secret)
	if !known || secret == "" {
		v.s.deps.Log.Warn("sign-in refused", zap.String("source", source))
		form.Problem = "That token is not known, or no longer valid."
		v.askToSignIn(http.StatusUnauthorized, form)
		return
	}
	v.s.tries.giveBack(source)
	v.endSession()
	if v.s.deps.API.WantsToken() {
		cookie, err := v.s.sessions.begin(secret)
		if err != nil {
			v.refuse(err, "")
			return
		}
		http.SetCookie(v.w, sessionCookie(cookie, v.secure()))
	}
	v.s.deps.Log.Info("signed in", zap.String("by", token.Name), zap.String("source", source))
	form.Return = local(form.Return, "/").String()
	if form.Kept == "" {
		http.Redirect(v.w, v.r, form.Return, http.StatusSeeOther)
		return
	}
	v.token, v.secret, v.signed = token, secret, true
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
