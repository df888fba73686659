package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/ratelimit"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Check is something that this process needs, as /readyz tells it.
type Check struct {
	Name         string
	OK           bool
	Since        time.Time
	Problem, Fix string
}

// Deps are what the page works with.
type Deps struct {
	// API answers all calls, and knows the tokens.
	API *api.Server
	// Health tells the checks of the process, and whether all are in order.
	Health func(context.Context) (ready bool, checks []Check)
	// WebUI is where Temporal's Web UI shows the workflows of the namespace, such as http://localhost:8233/namespaces/default; empty: no links.
	WebUI string
	// Secure marks the session's cookie for TLS also where this process sees plain HTTP, behind a proxy.
	Secure bool
	// Keys seal the sessions' cookies: processes that share them share the sessions.
	Keys *keyring.Ring
	// Source tells the sender of a request, by which attempts to sign in are counted; ingress.Sources makes one.
	Source func(*http.Request) netip.Addr
	Log    *zap.Logger
	Now    func() time.Time
}

// Server answers browsers. Make one with New.
type Server struct {
	deps          Deps
	strangers     *zap.Logger // the log of sign-ins that failed
	sessions      *sessions
	signInLimiter *ratelimit.Limiter[netip.Addr]
	pages         map[string]*template.Template
	assets        map[string]asset
	handler       http.Handler
}

var (
	//go:embed templates
	templateFiles embed.FS
	//go:embed static
	staticFiles embed.FS
)

// asset is a file that browsers fetch, under a name that changes with it.
type asset struct {
	content   []byte
	mediaType string
	url       string
}

// mediaTypes are those of the files in static.
var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// New makes a server. It fails only for templates that a test would have refused.
func New(deps Deps) (*Server, error) {
	s := &Server{
		deps: deps, strangers: api.SampledLog(deps.Log), sessions: newSessions(deps.Keys, deps.Now),
		signInLimiter: ratelimit.New[netip.Addr](deps.Now, signInBurst, 1/signInEvery.Seconds()), assets: map[string]asset{}, pages: map[string]*template.Template{},
	}
	if err := s.readAssets(); err != nil {
		return nil, err
	}
	if err := s.readTemplates(); err != nil {
		return nil, err
	}
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{s: s, w: w, r: r}
		v.fail(http.StatusForbidden, "Another web page sent this", "Nothing was done. Open the page here and do it there.")
	}))
	s.handler = withHeaders(origin.Handler(s.routes()))
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) readAssets() error {
	return fs.WalkDir(staticFiles, "static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		name, extension, _ := strings.Cut(entry.Name(), ".")
		url := "/static/" + name + "-" + hex.EncodeToString(sum[:6]) + "." + extension
		s.assets[url] = asset{content: content, mediaType: mediaTypes["."+extension], url: url}
		s.assets[entry.Name()] = s.assets[url]
		return nil
	})
}

func (s *Server) readTemplates() error {
	layout, err := template.New("layout.html").Funcs(s.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/pictures.html")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	for _, name := range names {
		page, err := template.Must(layout.Clone()).ParseFS(templateFiles, name)
		if err != nil {
			return fmt.Errorf("templates: %w", err)
		}
		s.pages[strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")] = page
	}
	return nil
}

// policy lets the page use its own files and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{name}", s.static)
	open := func(pattern string, handle func(*visit)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.visit(w, r, handle) })
	}
	open("GET /sign-in", (*visit).signInForm)
	open("POST /sign-in", (*visit).signIn)
	open("POST /sign-out", (*visit).signOut)

	signedIn := func(pattern string, handle func(*visit)) { open(pattern, requireSession(handle)) }
	signedIn("GET /{$}", (*visit).toDo)
	signedIn("GET /cases", (*visit).cases)
	signedIn("GET /cases/{reference}", (*visit).oneCase)
	signedIn("GET /cases/{reference}/transcript", (*visit).transcript)
	signedIn("POST /cases/{reference}/answer", (*visit).answerQuestion)
	signedIn("POST /cases/{reference}/cancel", (*visit).cancelCase)
	signedIn("POST /cases/{reference}/adopt", (*visit).adoptCase)
	signedIn("POST /cases/{reference}/retry-create", (*visit).retryCreate)
	signedIn("POST /cases/{reference}/reconcile", (*visit).reconcile)
	signedIn("GET /activations", (*visit).activations)
	signedIn("GET /activations/{agent}/{activation}", (*visit).oneActivation)
	signedIn("POST /activations/{agent}/{activation}/close-run", (*visit).closeRun)
	signedIn("POST /activations/{agent}/{activation}/cancel-approval", (*visit).cancelApproval)
	signedIn("GET /deliveries", (*visit).deliveries)
	signedIn("GET /deliveries/{id}", (*visit).oneDelivery)
	signedIn("POST /deliveries/{id}/reveal", (*visit).revealDelivery)
	signedIn("POST /deliveries/{id}/replay", (*visit).replayDelivery)
	signedIn("POST /deliveries/{id}/dismiss", (*visit).dismissDelivery)
	signedIn("POST /deliveries/replay", (*visit).replayDeliveries)
	signedIn("POST /deliveries/release", (*visit).releaseDeliveries)
	signedIn("GET /notices", (*visit).notices)
	signedIn("GET /notices/of", (*visit).noticesOf)
	signedIn("POST /notices/resend", (*visit).resendNotices)
	signedIn("POST /notices/dismiss", (*visit).dismissNotices)
	signedIn("GET /health", (*visit).health)
	signedIn("GET /attention", (*visit).attention)
	signedIn("/", func(v *visit) {
		v.fail(http.StatusNotFound, "There is no such page", "The menu above has all there are.")
	})
	return mux
}

func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	found, ok := s.assets["/static/"+r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(found.content) // a browser that has gone takes no answer
}

// visit is one request.
type visit struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	token  api.Token
	secret string
	// form is what was posted.
	form url.Values
	// signedIn: the visitor is known, by a session or because no token is needed.
	signedIn bool
}

// maxForm bounds what a form may post: the longest answer, escaped, with room.
const maxForm = 512 << 10

// visit finds the session and reads the form.
func (s *Server) visit(w http.ResponseWriter, r *http.Request, handle func(*visit)) {
	v := &visit{s: s, w: w, r: r}
	query := r.URL.Query()
	for _, name := range []string{"token", "access_token", "authorization"} {
		if query.Has(name) {
			v.fail(http.StatusBadRequest, "A token does not belong in a URL",
				"URLs are kept in histories and logs, so take this token as leaked: replace it, and sign in with the new one by the form.")
			return
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		detail := "The address has a % that is not followed by two hex digits, or another fault: open the page from the menu."
		if r.Method == http.MethodPost {
			detail = "It may be too large: shorten the text and send it again."
		}
		v.fail(http.StatusBadRequest, "The request can't be read", detail)
		return
	}
	v.form = r.PostForm
	if s.deps.API.WantsToken() {
		if cookie, err := r.Cookie(cookieName(v.secure())); err == nil {
			v.resume(cookie.Value)
		}
	} else {
		v.token, v.signedIn = s.deps.API.Caller("")
	}
	handle(v)
}

// liveHeader marks what a page asks for by itself to stay up to date: the person may be away, so it does not count as use of the session.
const liveHeader = "X-Live"

// resume knows the visitor by the cookie, and replaces it once it is some time old.
func (v *visit) resume(cookie string) {
	one, ok := v.s.sessions.use(cookie)
	if !ok {
		return
	}
	if v.token, v.signedIn = v.s.deps.API.Caller(one.Secret); !v.signedIn {
		v.s.sessions.end(cookie)
		return
	}
	v.secret = one.Secret
	if v.r.Header.Get(liveHeader) != "" {
		return
	}
	next, err := v.s.sessions.renew(one)
	if err != nil {
		v.s.deps.Log.Error("session not renewed", zap.Error(err))
	} else if next != "" {
		http.SetCookie(v.w, sessionCookie(next, v.secure()))
	}
}

// secure reports whether the browser speaks TLS, here or with a proxy. A visitor who sends the header without a proxy only restricts its own cookie.
func (v *visit) secure() bool {
	return v.r.TLS != nil || v.s.deps.Secure || strings.EqualFold(v.r.Header.Get("X-Forwarded-Proto"), "https")
}

// render writes a page. It is written whole or not at all.
func (v *visit) render(status int, name string, p view) {
	p.visit = v
	var out bytes.Buffer
	if err := v.s.pages[name].ExecuteTemplate(&out, "layout.html", p); err != nil {
		v.s.deps.Log.Error("page not rendered", zap.String("page", name), zap.Error(err))
		http.Error(v.w, "A fault in Signalbox: see its log.", http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes()) // a browser that has gone takes no answer
}

// fail shows a problem instead of a page.
func (v *visit) fail(status int, title, detail string) {
	v.render(status, "problem", view{Title: title, Data: problemView{Detail: detail}})
}

type problemView struct {
	Detail string
	// Kept is a text of which it is not known whether it was taken.
	Kept string
	// WorkflowID is the workflow that Temporal's Web UI can show.
	WorkflowID string
	RequestID  string
}

// refuse shows why a call failed.
func (v *visit) refuse(err error, workflowID string) {
	var refused *problem
	if !errors.As(err, &refused) {
		v.s.deps.Log.Error("call of the API failed", zap.Error(err))
		v.fail(http.StatusInternalServerError, "A fault in Signalbox", "Its log says what happened.")
		return
	}
	if v.r.Method == http.MethodGet && refused.is("not-found") {
		v.fail(refused.Status, "Not found", "There is no such case, activation or delivery. Its name may be misspelt, or it is not kept any more.")
		return
	}
	detail := refused.Detail
	if refused.is("unavailable") {
		detail = "Temporal, its workers or the inbox can't be reached at the moment. Try again in some seconds. Health shows what is away."
	}
	v.render(refused.Status, "problem", view{Title: refused.Title, Data: problemView{
		Detail: detail, Kept: v.form.Get("text"), WorkflowID: workflowID, RequestID: refused.RequestId,
	}})
}

// back sends the visitor to the page that a form came from, which then says what was done.
func (v *visit) back(otherwise, done string, counts ...int) {
	target := local(v.form.Get("return"), otherwise)
	query := withoutDone(target.Query())
	query.Set("done", done)
	if reference := v.r.PathValue("reference"); reference != "" && target.Path != "/cases/"+reference {
		query.Set("doneCase", reference)
	}
	for _, n := range counts {
		query.Add("n", fmt.Sprint(n))
	}
	target.RawQuery = query.Encode()
	http.Redirect(v.w, v.r, target.String(), http.StatusSeeOther)
}

// local is a place on this page; anything else becomes otherwise.
func local(text, otherwise string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n\t") {
		return &url.URL{Path: otherwise}
	}
	return &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
}
