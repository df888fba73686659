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

// liveTokens are the tokens in files that may change while the process runs. If the files can't be used, the old tokens stay in use.
type liveTokens struct {
	paths []string
	log   *zap.Logger

	mu     sync.Mutex
	tokens *api.TokenSet
	read   time.Time
	// failed is the last error. It prevents that the same error is logged again.
	failed string
}

func newLiveTokens(internal config.Internal, log *zap.Logger) *liveTokens {
	return &liveTokens{paths: internal.TokenFiles, tokens: internal.Tokens, read: now(), log: log}
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
	tokens, err := config.Source{ReadFile: os.ReadFile}.ReadTokens(l.paths)
	switch {
	case err == nil:
		l.tokens, l.failed = tokens, ""
	case err.Error() != l.failed:
		l.failed = err.Error()
		l.log.Error("tokens not read: the old ones stay in use", zap.Error(err))
	}
	return l.tokens
}
