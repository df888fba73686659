package service

import (
	"net/http"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/api/page"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// PayloadCodec is the codec of a process; keys may be nil.
func PayloadCodec(keys *keyring.Ring, decryptOnly bool) *payloadcodec.Codec {
	codec := payloadcodec.New(keys)
	if decryptOnly {
		return codec.DecryptOnly()
	}
	return codec
}

// newCodec makes the codec server of a process that has an API.
func newCodec(s Settings, payloads *payloadcodec.Codec, pages *page.Server) http.Handler {
	deps := api.CodecDeps{Codec: payloads, Session: pages.Secret, Origins: s.Config.Internal.CodecOrigins, Log: s.Log.Named("codec")}
	if len(s.Config.Internal.TokenFiles) > 0 {
		deps.Tokens = newLiveTokens(s.Config.Internal, s.Log.Named("codec"))
	}
	return api.NewCodec(deps)
}
