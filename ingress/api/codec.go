package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
)

// CodecDeps are what the codec server works with.
type CodecDeps struct {
	Codec converter.PayloadCodec
	// Tokens find callers. Nil: everybody is let in as "local", which is for loopback alone.
	Tokens Tokens
	// Session returns the token of the page's session that a request brings, or nothing. It may set the session's cookie.
	Session func(http.ResponseWriter, *http.Request) string
	// Origins are those of the web pages that may call, such as https://temporal.example.com. A program sends none.
	Origins []string
	Log     *zap.Logger
}

// maxCodecBody is twice the largest message that Temporal sends, since base64 makes payloads larger.
const maxCodecBody = "8 MB"

// NewCodec makes a codec server for Temporal's Web UI, its command line and remote codecs of other languages, as Temporal documents it under
// "Codec Server": POST /codec/decode opens payloads (scope payloads:read), POST /codec/encode encrypts them (scope payloads:write).
//
// A program sends Authorization: Bearer TOKEN. A browser that includes credentials is let in by its session on the page, which its cookie
// proves; the cookie goes to the same site only, so the Web UI must be on it.
func NewCodec(deps CodecDeps) http.Handler {
	s := &codecServer{deps, SampledLog(deps.Log)}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if errors.Is(err, echo.ErrStatusRequestEntityTooLarge) {
			err = problem(problemTooLarge, "send fewer payloads at once: a body has at most "+maxCodecBody)
		}
		if !c.Response().Committed {
			_ = toProblem(err).write(c.Response(), newRequestID()) // a caller that has gone takes no answer
		}
	}
	e.Use(middleware.CORSWithConfig(middleware.CORSConfig{
		AllowOriginFunc:  func(origin string) (bool, error) { return slices.Contains(deps.Origins, origin), nil },
		AllowMethods:     []string{http.MethodPost},
		AllowHeaders:     []string{echo.HeaderAuthorization, "Authorization-Extras", echo.HeaderContentType, "X-Namespace"},
		AllowCredentials: true,
		MaxAge:           600,
	}), middleware.BodyLimit(maxCodecBody))
	temporal := echo.WrapHandler(converter.NewPayloadCodecHTTPHandler(deps.Codec))
	e.POST("/codec/decode", temporal, s.admit(ScopePayloadsRead))
	e.POST("/codec/encode", temporal, s.admit(ScopePayloadsWrite))
	return e
}

type codecServer struct {
	deps CodecDeps
	// strangers is the log of calls without a token.
	strangers *zap.Logger
}

// admit refuses web pages of other origins itself: the browser only keeps the answer from them.
func (s *codecServer) admit(scope Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			token, err := s.caller(c.Response(), c.Request(), scope)
			if err != nil {
				log := s.deps.Log
				if token.Name == "" {
					log = s.strangers
				}
				log.Warn("codec call refused", zap.String("route", c.Path()), zap.String("by", token.Name), zap.String("remote", c.Request().RemoteAddr),
					zap.String("why", toProblem(err).kind.name))
				return err
			}
			// Temporal's handler answers 400 for a body that can't be read, also for one that is too large.
			body, err := io.ReadAll(c.Request().Body)
			if errors.Is(err, echo.ErrStatusRequestEntityTooLarge) {
				return err
			}
			c.Request().Body = io.NopCloser(bytes.NewReader(body))
			c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
			c.Response().Header().Set(echo.HeaderXContentTypeOptions, "nosniff")
			return next(c)
		}
	}
}

func (s *codecServer) caller(w http.ResponseWriter, r *http.Request, scope Scope) (Token, error) {
	if origin := r.Header.Get(echo.HeaderOrigin); origin != "" && !slices.Contains(s.deps.Origins, origin) {
		return Token{}, problem(problemForeignOrigin, "the web page is none of --codec-origins (SIGNALBOX_CODEC_ORIGINS)")
	}
	if !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEApplicationJSON) {
		return Token{}, problemUnsupportedType.withFix()
	}
	token, err := s.authenticate(w, r)
	if err != nil {
		return token, err
	}
	if token.Limited() {
		return token, problem(problemMissingScope, "the token is limited to accounts or agents, and a payload does not say whose it is: use another token")
	}
	return token, authorize(token, [][]Scope{{scope}})
}

func (s *codecServer) authenticate(w http.ResponseWriter, r *http.Request) (Token, error) {
	if s.deps.Tokens != nil && r.Header.Get(echo.HeaderAuthorization) == "" {
		if token, found := s.deps.Tokens.Find(s.deps.Session(w, r)); found {
			return token, nil
		}
	}
	return authenticate(s.deps.Tokens, r)
}
