package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
)

// Scope is what a token may be used for.
type Scope string

// The scopes. Admin stands for all of them.
const (
	ScopeCasesRead        Scope = "cases:read"
	ScopeCasesWrite       Scope = "cases:write"
	ScopeActivationsRead  Scope = "activations:read"
	ScopeActivationsWrite Scope = "activations:write"
	ScopeDeliveriesRead   Scope = "deliveries:read"
	ScopeDeliveriesWrite  Scope = "deliveries:write"
	ScopeKeysReveal       Scope = "keys:reveal"
	ScopePayloadsRead     Scope = "payloads:read"
	ScopePayloadsWrite    Scope = "payloads:write"
	ScopeAdmin            Scope = "admin"
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{
		ScopeCasesRead, ScopeCasesWrite, ScopeActivationsRead, ScopeActivationsWrite,
		ScopeDeliveriesRead, ScopeDeliveriesWrite, ScopeKeysReveal,
		ScopePayloadsRead, ScopePayloadsWrite, ScopeAdmin,
	}
}

// Token is who calls and what they may do.
type Token struct {
	// Name is recorded as who acted. Several secrets may have one name, while one rolls over.
	Name   string
	Scopes []Scope
	// Accounts and Agents are the only Offload accounts and Artmail agents that the token may be used for; empty: all of them.
	Accounts, Agents []string
}

// local is the caller on loopback where there are no tokens.
var local = Token{Name: "local", Scopes: []Scope{ScopeAdmin}}

func (t Token) has(scope Scope) bool {
	return slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, ScopeAdmin)
}

func (t Token) mayUseAccount(account string) bool {
	return len(t.Accounts) == 0 || slices.Contains(t.Accounts, account)
}

func (t Token) mayUseAgent(agent string) bool {
	return len(t.Agents) == 0 || slices.Contains(t.Agents, agent)
}

// limited reports whether the token is limited to accounts or agents.
func (t Token) limited() bool { return len(t.Accounts)+len(t.Agents) > 0 }

// Tokens finds callers. It is asked for each request, so that tokens roll over without a restart.
type Tokens interface {
	// Find returns the token with the secret; false if there is none.
	Find(secret string) (Token, bool)
}

// TokenSet is a fixed set of tokens. It keeps hashes of the secrets, not the secrets.
type TokenSet struct {
	hashes [][sha256.Size]byte
	tokens []Token
}

// Add adds a token with its secret.
func (s *TokenSet) Add(secret string, token Token) {
	s.hashes = append(s.hashes, sha256.Sum256([]byte(secret)))
	s.tokens = append(s.tokens, token)
}

// Len is the number of secrets.
func (s *TokenSet) Len() int { return len(s.tokens) }

// Find implements Tokens. It compares hashes of one length with every token, so that the time of an answer tells nothing.
func (s *TokenSet) Find(secret string) (Token, bool) {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i, want := range s.hashes {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], want[:]), i, found)
	}
	if found < 0 {
		return Token{}, false
	}
	return s.tokens[found], true
}

// authenticate returns the caller, or a problem.
func authenticate(tokens Tokens, r *http.Request) (Token, error) {
	if tokens == nil {
		return local, nil
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Token{}, problem(problemUnauthorized, "send the header Authorization: Bearer TOKEN")
	}
	token, found := tokens.Find(strings.TrimSpace(secret))
	if !found {
		return Token{}, problem(problemUnauthorized, "the token is not known (any more): use one of the files that --internal-tokens names")
	}
	return token, nil
}

// authorize checks the scopes of an operation, and the agent of its path if it has one. One entry of scopes is enough.
func authorize(token Token, scopes [][]Scope, agent string) error {
	var lacking []string
	for _, together := range scopes {
		i := slices.IndexFunc(together, func(scope Scope) bool { return !token.has(scope) })
		if i < 0 {
			lacking = nil
			break
		}
		lacking = append(lacking, string(together[i]))
	}
	if len(lacking) > 0 {
		return problem(problemMissingScope, "the token lacks the scope "+strings.Join(lacking, " or ")+": add it to the token's scopes, or use another token")
	}
	if agent != "" && !token.mayUseAgent(agent) {
		return problem(problemOtherAgent, "agent: the token is limited to other agents: add this one to the token's agents, or use another token")
	}
	return nil
}

type callerKey struct{}

func withCaller(ctx context.Context, token Token) context.Context {
	return context.WithValue(ctx, callerKey{}, token)
}

// caller is who makes the request; without a caller nothing is allowed.
func caller(ctx context.Context) Token {
	token, _ := ctx.Value(callerKey{}).(Token)
	return token
}
