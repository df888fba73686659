package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
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

// Limited reports whether the token is limited to accounts or agents.
func (t Token) Limited() bool { return len(t.Accounts)+len(t.Agents) > 0 }

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
		return Token{}, problemUnauthorized.withFix()
	}
	token, found := tokens.Find(strings.TrimSpace(secret))
	if !found {
		return Token{}, problem(problemUnauthorized, "the token is not known (any more): use one of the files that --internal-tokens names")
	}
	return token, nil
}

// authorize checks the scopes of an operation, which are its security in openapi.yaml; one entry of them is enough.
func authorize(token Token, scopes [][]Scope) error {
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
	return nil
}

// mayUseCase allows every call that names no case. For a caller without limits it makes no call to Temporal.
func (s *Server) mayUseCase(ctx context.Context, reference string) error {
	if reference == "" || len(caller(ctx).Accounts) == 0 {
		return nil
	}
	account, err := s.deps.Client.Case(reference).Account(ctx)
	if err != nil {
		return err
	}
	return mayUseAccount(ctx, account)
}

func mayUseAccount(ctx context.Context, account string) error {
	if !caller(ctx).mayUseAccount(account) {
		return problemOtherAccount.withFix()
	}
	return nil
}

// mayUseAgent allows every call that names no agent.
func mayUseAgent(ctx context.Context, agent string) error {
	if agent != "" && !caller(ctx).mayUseAgent(agent) {
		return problemOtherAgent.withFix()
	}
	return nil
}

// mayUseSource checks the scope and the account of a case, or the scope and the agent of an activation, by the workflow ID.
func (s *Server) mayUseSource(ctx context.Context, source string, ofCase, ofActivation Scope) error {
	if reference, isCase := workflows.ParseOffloadCaseWorkflowID(source); isCase {
		if err := authorize(caller(ctx), [][]Scope{{ofCase}}); err != nil {
			return err
		}
		return s.mayUseCase(ctx, reference)
	}
	agent, isActivation := workflows.AgentOfArtmailActivation(source)
	if !isActivation {
		return invalid(FieldError{Field: "source", Detail: "want the workflow ID of a case or an activation"})
	}
	if err := authorize(caller(ctx), [][]Scope{{ofActivation}}); err != nil {
		return err
	}
	return mayUseAgent(ctx, agent)
}

// mayUseDeliveries refuses a limited token that names none of its agents.
func mayUseDeliveries(ctx context.Context, agent string) error {
	if agent == "" && caller(ctx).Limited() {
		return problem(problemOtherAgent, "agent: the token is limited, and sees the deliveries of its agents only: name one")
	}
	return mayUseAgent(ctx, agent)
}

// adminFor returns the access to the inbox for a call about one delivery, if the caller may see it.
func (s *Server) adminFor(ctx context.Context, id string) (inboxadmin.Admin, error) {
	admin, err := s.admin(ctx)
	if err != nil || !caller(ctx).Limited() {
		return admin, err
	}
	one, err := admin.Inbox.Get(ctx, id)
	if err != nil {
		return admin, err
	}
	return admin, mayUseDeliveries(ctx, one.Scope)
}

var errWhole = problem(problemOtherAgent, "this call concerns all accounts and agents, and the token is limited: use a token without accounts and agents")

// adminOfAll returns the access to the inbox for a call that concerns every delivery.
func (s *Server) adminOfAll(ctx context.Context) (inboxadmin.Admin, error) {
	if caller(ctx).Limited() {
		return inboxadmin.Admin{}, errWhole
	}
	return s.admin(ctx)
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

// The page of the same process calls the API as any other caller does, by ServeHTTP. Beforehand it asks what it can show.

// Caller finds the holder of a token. Without tokens, on loopback, it is "local" for every secret.
func (s *Server) Caller(secret string) (Token, bool) {
	if s.deps.Tokens == nil {
		return local, true
	}
	return s.deps.Tokens.Find(secret)
}

// WantsToken says whether callers need a token.
func (s *Server) WantsToken() bool { return s.deps.Tokens != nil }

// May says whether a token has the scopes of an operation. A call may still be refused for its account or agent.
func (s *Server) May(token Token, operationID string) bool {
	for _, op := range s.spec.operations {
		if op.id == operationID {
			return authorize(token, op.scopes) == nil
		}
	}
	return false
}
