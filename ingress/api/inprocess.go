package api

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
			return authorize(token, op.scopes, "") == nil
		}
	}
	return false
}

// Limited says whether the token is for some accounts or agents alone.
func (t Token) Limited() bool { return t.limited() }
