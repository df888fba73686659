package service

import (
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/api"
)

// tokensReadEvery is after how long an added or removed token takes effect at the latest.
const tokensReadEvery = time.Second

// liveTokens are the tokens in files that may change while the process runs. The old tokens of a file that can't be used stay in use.
type liveTokens struct {
	paths []string
	log   *zap.Logger

	mu     sync.Mutex
	known  config.Tokens
	tokens *api.TokenSet
	read   time.Time
	// failed is the last error. It prevents that the same error is logged again.
	failed string
}

// newTokens returns the tokens of the API and of the codec server; nil without files.
func newTokens(s Settings) api.Tokens {
	if len(s.Config.Internal.TokenFiles) == 0 {
		return nil
	}
	return newLiveTokens(s.Config.Internal, s.Log.Named("tokens"))
}

func newLiveTokens(internal config.Internal, log *zap.Logger) *liveTokens {
	return &liveTokens{paths: internal.TokenFiles, known: internal.Tokens, tokens: internal.Tokens.TokenSet(), read: now(), log: log}
}

// Find implements api.Tokens.
func (l *liveTokens) Find(secret string) (api.Token, bool) {
	return l.current().Find(secret)
}

func (l *liveTokens) current() *api.TokenSet {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now().Sub(l.read) < tokensReadEvery {
		return l.tokens
	}
	l.read = now()
	known, err := config.Source{ReadFile: os.ReadFile}.ReadTokens(l.paths, l.known)
	l.known, l.tokens = known, known.TokenSet()
	failed := ""
	if err != nil {
		failed = err.Error()
	}
	if failed != "" && failed != l.failed {
		l.log.Error("tokens not read: the old ones of the file stay in use", zap.Error(err))
	}
	l.failed = failed
	return l.tokens
}
