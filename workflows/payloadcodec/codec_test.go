package payloadcodec_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

func ring(t testing.TB) *keyring.Ring {
	t.Helper()
	r, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	return r
}

func changed(t testing.TB, change func() (*keyring.Ring, error)) *keyring.Ring {
	t.Helper()
	r, err := change()
	require.NoError(t, err)
	return r
}

func payload(t testing.TB, value any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return p
}

func encode(t testing.TB, codec *payloadcodec.Codec, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	encoded, err := codec.Encode([]*commonpb.Payload{p})
	require.NoError(t, err)
	require.Len(t, encoded, 1)
	return encoded[0]
}

func TestAPayloadComesBackAndShowsNothing(t *testing.T) {
	t.Parallel()
	codec := payloadcodec.New(ring(t))
	for name, plain := range map[string]*commonpb.Payload{
		"JSON": payload(t, map[string]string{"name": "Erika Mustermann"}), "nil": payload(t, nil), "bytes": payload(t, []byte("Erika Mustermann")),
		"empty": {}, "odd metadata": {Metadata: map[string][]byte{"Erika": []byte("Mustermann")}, Data: []byte("x")},
	} {
		before := proto.Clone(plain)
		sealed := encode(t, codec, plain)
		require.True(t, proto.Equal(before, plain), "%s: what is encoded stays as it is", name)
		wire, err := proto.Marshal(sealed)
		require.NoError(t, err)
		require.NotContains(t, string(wire), "Erika", name)
		require.NotContains(t, string(wire), "Mustermann", name)
		require.False(t, proto.Equal(sealed, encode(t, codec, plain)), "%s: equal payloads can't be told", name)
		opened, err := codec.Decode([]*commonpb.Payload{sealed})
		require.NoError(t, err)
		require.True(t, proto.Equal(plain, opened[0]), name)
	}
}

// A codec in another language is written by this test.
func TestTheFormatIsWhatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	r := ring(t)
	document, err := r.Marshal()
	require.NoError(t, err)
	var keys struct {
		AEAD struct {
			Key []struct {
				KeyData struct{ Value []byte }
			}
		}
	}
	require.NoError(t, json.Unmarshal(document, &keys))
	// The value is a protobuf message whose field 3 is the key.
	key := keys.AEAD.Key[0].KeyData.Value[2:]
	plain := payload(t, "text")
	sealed := encode(t, payloadcodec.New(r), plain)
	require.Equal(t, "binary/encrypted", string(sealed.GetMetadata()["encoding"]))
	require.Equal(t, byte(1), sealed.GetData()[0])
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	opened, err := gcm.Open(nil, sealed.GetData()[5:17], sealed.GetData()[17:], []byte("s\x01\x10temporal-payload"))
	require.NoError(t, err)
	var message commonpb.Payload
	require.NoError(t, proto.Unmarshal(opened, &message))
	require.True(t, proto.Equal(plain, &message))
}

func TestAnEncryptedPayloadIsLittleLarger(t *testing.T) {
	t.Parallel()
	codec := payloadcodec.New(ring(t))
	for _, size := range []int{0, 1, 100, 10_000, 1_900_000} {
		plain := payload(t, strings.Repeat("x", size))
		require.LessOrEqual(t, proto.Size(encode(t, codec, plain)), proto.Size(plain)+120, "%d bytes", size)
	}
}

func TestOlderKeysOpenAndPlainPayloadsPass(t *testing.T) {
	t.Parallel()
	first := ring(t)
	second := changed(t, changed(t, first.Stage).Promote)
	plain := payload(t, "text")
	byFirst, bySecond := encode(t, payloadcodec.New(first), plain), encode(t, payloadcodec.New(second), plain)
	opened, err := payloadcodec.New(second).Decode([]*commonpb.Payload{byFirst, plain, bySecond})
	require.NoError(t, err)
	for _, one := range opened {
		require.True(t, proto.Equal(plain, one))
	}
	// A process with the staged keys already reads what the promoted ones will write.
	staged := changed(t, first.Stage)
	_, err = payloadcodec.New(changed(t, staged.Promote)).Decode([]*commonpb.Payload{byFirst})
	require.NoError(t, err)
	_, err = payloadcodec.New(staged).Decode([]*commonpb.Payload{encode(t, payloadcodec.New(changed(t, staged.Promote)), plain)})
	require.NoError(t, err)

	require.True(t, proto.Equal(plain, encode(t, payloadcodec.New(first).DecryptOnly(), plain)))
	require.True(t, proto.Equal(plain, encode(t, payloadcodec.New(nil), plain)))
	for codec, want := range map[*payloadcodec.Codec][]bool{
		payloadcodec.New(nil): {true, false, false}, payloadcodec.New(first): {false, true, false}, payloadcodec.New(second): {false, false, true},
		payloadcodec.New(second).DecryptOnly(): {true, false, false},
	} {
		require.Equal(t, want, []bool{codec.Current(plain), codec.Current(byFirst), codec.Current(bySecond)})
	}
}

func TestAMissingKeyIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	theirs := ring(t)
	sealed := encode(t, payloadcodec.New(theirs), payload(t, "secret words"))
	id, encrypted := payloadcodec.KeyID(sealed)
	require.True(t, encrypted)
	require.Equal(t, theirs.SealingKeyID(), id)
	for name, codec := range map[string]*payloadcodec.Codec{
		"no keys": payloadcodec.New(nil), "others": payloadcodec.New(ring(t)), "decrypt only": payloadcodec.New(ring(t)).DecryptOnly(),
	} {
		_, err := codec.Decode([]*commonpb.Payload{sealed})
		require.ErrorIs(t, err, payloadcodec.ErrKeyMissing, name)
		require.ErrorContains(t, err, "--payload-keys", name)
		require.Contains(t, err.Error(), string(sealed.GetMetadata()["encryption-key-id"]), name)
	}
	for name, spoil := range map[string]func(*commonpb.Payload){
		"cut": func(p *commonpb.Payload) { p.Data = p.GetData()[:20] }, "empty": func(p *commonpb.Payload) { p.Data = nil },
		"altered": func(p *commonpb.Payload) { p.Data = bytes.Repeat([]byte{1}, len(p.GetData())) },
	} {
		spoilt := proto.CloneOf(sealed)
		spoil(spoilt)
		_, err := payloadcodec.New(theirs).Decode([]*commonpb.Payload{spoilt})
		require.ErrorContains(t, err, "can't be opened", name)
	}
}

func TestFailuresShowNothingAndComeBack(t *testing.T) {
	t.Parallel()
	var options client.Options
	payloadcodec.New(ring(t)).Apply(&options)
	cause := temporal.NewApplicationError("Erika's cause", "Cause")
	failure := options.FailureConverter.ErrorToFailure(temporal.NewApplicationErrorWithCause("Erika was here", "Type", cause, "Erika's details"))
	wire, err := proto.Marshal(failure)
	require.NoError(t, err)
	require.NotContains(t, string(wire), "Erika")
	back := options.FailureConverter.FailureToError(failure)
	require.ErrorContains(t, back, "Erika was here")
	require.ErrorContains(t, back, "Erika's cause")

	// Without encryption, failures are as they always were.
	var plain client.Options
	payloadcodec.New(nil).Apply(&plain)
	require.Equal(t, "Erika was here", plain.FailureConverter.ErrorToFailure(temporal.NewApplicationError("Erika was here", "Type")).GetMessage())
}

type wrapped struct{ converter.DataConverter }

func (w wrapped) ToPayload(value any) (*commonpb.Payload, error) {
	p, err := w.DataConverter.ToPayload(value)
	if err == nil {
		p.Metadata["wrapped"] = []byte("yes")
	}
	return p, err
}

func TestTheAppsOwnConverterStaysInside(t *testing.T) {
	t.Parallel()
	codec := payloadcodec.New(ring(t))
	options := client.Options{DataConverter: wrapped{converter.GetDefaultDataConverter()}}
	codec.Apply(&options)
	sealed, err := options.DataConverter.ToPayload("text")
	require.NoError(t, err)
	opened, err := codec.Decode([]*commonpb.Payload{sealed})
	require.NoError(t, err)
	require.Equal(t, "yes", string(opened[0].GetMetadata()["wrapped"]))
	var text string
	require.NoError(t, options.DataConverter.FromPayload(sealed, &text))
	require.Equal(t, "text", text)
}

// Outside of workflows a missing key is an error and never a panic, which would end the process of an app.
func TestOutsideOfWorkflowsAMissingKeyIsAnError(t *testing.T) {
	t.Parallel()
	var theirs, ours client.Options
	payloadcodec.New(ring(t)).Apply(&theirs)
	payloadcodec.New(ring(t)).Apply(&ours)
	sealed, err := theirs.DataConverter.ToPayload("text")
	require.NoError(t, err)
	failure := theirs.FailureConverter.ErrorToFailure(temporal.NewApplicationError("words", "Type", "details"))
	var text string
	require.ErrorIs(t, ours.DataConverter.FromPayload(sealed, &text), payloadcodec.ErrKeyMissing)
	aware, ok := ours.DataConverter.(interface {
		WithContext(context.Context) converter.DataConverter
	})
	require.True(t, ok)
	require.ErrorIs(t, aware.WithContext(t.Context()).FromPayload(sealed, &text), payloadcodec.ErrKeyMissing)
	require.ErrorContains(t, ours.FailureConverter.FailureToError(proto.CloneOf(failure)), "Encoded failure")
	byClient := converter.WithFailureConverterSerializationContext(ours.FailureConverter, converter.WorkflowSerializationContext{WorkflowID: "w"})
	require.ErrorContains(t, byClient.FailureToError(proto.CloneOf(failure)), "Encoded failure")
	byWorkflow := converter.WithFailureConverterSerializationContext(ours.FailureConverter, converter.ActivitySerializationContext{WorkflowID: "w"})
	require.Panics(t, func() { _ = byWorkflow.FailureToError(proto.CloneOf(failure)) })
}

func FuzzPayloadsComeBack(f *testing.F) {
	codec := payloadcodec.New(ring(f))
	f.Add("encoding", []byte("binary/encrypted"), []byte("data"))
	f.Add("encoding", []byte("json/plain"), []byte(`"x"`))
	f.Fuzz(func(t *testing.T, name string, value, data []byte) {
		plain := &commonpb.Payload{Metadata: map[string][]byte{strings.ToValidUTF8(name, "?"): value}, Data: data}
		opened, err := codec.Decode([]*commonpb.Payload{encode(t, codec, plain)})
		require.NoError(t, err)
		require.True(t, proto.Equal(plain, opened[0]))
	})
}
