package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/wire"
)

type file struct {
	ID   string `json:"id"`
	Size int64  `json:"size"`
}

type everything struct {
	Text   string          `json:"text"`
	Maybe  *string         `json:"maybe"`
	Yes    *bool           `json:"yes"`
	Count  int             `json:"count"`
	Number float64         `json:"number"`
	At     time.Time       `json:"at"`
	Raw    json.RawMessage `json:"raw"`
	Inner  file            `json:"inner"`
	Ref    *file           `json:"ref"`
	Files  []file          `json:"files"`
}

func read(tb testing.TB, body string) (everything, []string) {
	tb.Helper()
	var e everything
	lost, err := wire.Read([]byte(body), &e)
	require.NoError(tb, err)
	return e, lost
}

func TestEachFieldIsRead(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"text":"a\u00e4\n","maybe":"m","yes":false,"count":2,"number":1.5,"at":1774131900000,"raw":{"b":[1]},
		"inner":{"id":"i","size":1},"ref":{"id":"r"},"files":[{"id":"f","size":9}],"more":{"id":[]}}`)
	m, no := "m", false
	require.Equal(t, everything{
		Text: "aä\n", Maybe: &m, Yes: &no, Count: 2, Number: 1.5, At: time.UnixMilli(1774131900000).UTC(), Raw: json.RawMessage(`{"b":[1]}`),
		Inner: file{"i", 1}, Ref: &file{"r", 0}, Files: []file{{"f", 9}},
	}, got)
	require.Empty(t, lost)
}

func TestAnOddValueIsLostAloneAndNamed(t *testing.T) {
	t.Parallel()
	odd := map[string][]string{
		"text":   {`{}`, `[]`, `true`},
		"maybe":  {`{"code":1}`, `false`},
		"yes":    {`"true"`, `"yes"`, `1`, `0`, `[]`},
		"count":  {`"many"`, `""`, `2.5`, `-1`, `1e400`, `9007199254740994`, `"0x10"`, `"1_0"`, `{}`, `true`},
		"number": {`"NaN"`, `"Inf"`, `1e999`, `[1]`, `"x"`},
		"at":     {`""`, `"soon"`, `-5`, `1e300`, `{}`, `true`, `"Thu, 26 Nov 2026 12:00:00 PST"`, `"12026-03-21T22:25:00Z"`},
		"inner":  {`"i"`, `[]`, `1`},
		"ref":    {`"r"`, `[{}]`},
		"files":  {`{}`, `"f"`, `7`},
	}
	for name, values := range odd {
		for _, value := range values {
			got, lost := read(t, fmt.Sprintf(`{"before":1,%q:%s,"raw":"after"}`, name, value))
			require.Equal(t, everything{Raw: json.RawMessage(`"after"`)}, got, "%s %s", name, value)
			require.Equal(t, []string{name}, lost, "%s %s", name, value)
		}
	}
}

func TestOfANameThatOccursTwiceTheLastValueCounts(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"text":"a","maybe":"a","raw":{"a":1},"inner":{"id":"a","size":1},"ref":{"id":"a","size":1},"files":[{"id":"a"},{"id":"b"}],
		"text":"b","maybe":null,"raw":{},"inner":{"id":"b"},"ref":{"id":"b"},"files":[{"size":2}]}`)
	require.Equal(t, everything{Text: "b", Raw: json.RawMessage(`{}`), Inner: file{"b", 0}, Ref: &file{"b", 0}, Files: []file{{"", 2}}}, got)
	require.Empty(t, lost)
	for _, last := range []string{`null`, `7`} {
		got, _ = read(t, `{"inner":{"id":"a"},"ref":{"id":"a"},"files":[{"id":"a"}],"inner":`+last+`,"ref":`+last+`,"files":`+last+`}`)
		require.Equal(t, everything{}, got, last)
	}
}

func TestALossInsideIsNamedByItsPath(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"files":[{"id":"a1","size":"5"},"a2",null,{"id":"a3","size":[]}],"inner":{"id":{}}}`)
	require.Equal(t, []file{{"a1", 5}, {"a3", 0}}, got.Files)
	require.Equal(t, []string{"files[1]", "files[2]", "files[3].size", "inner.id"}, lost)
}

func TestNullCountsAsAbsent(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"text":null,"maybe":null,"yes":null,"count":null,"number":null,"at":null,"raw":null,"inner":null,"ref":null,"files":null}`)
	require.Equal(t, everything{}, got)
	require.Empty(t, lost)
}

func TestNumbersAndTextStandForEachOther(t *testing.T) {
	t.Parallel()
	for _, two := range []string{`2`, `2.0`, `2e0`, `"2"`, `" 2.0 "`} {
		got, lost := read(t, `{"count":`+two+`,"number":`+two+`}`)
		require.Equal(t, everything{Count: 2, Number: 2}, got, two)
		require.Empty(t, lost, two)
	}
	got, lost := read(t, `{"text":12345678901234567890,"maybe":1.50}`)
	require.Equal(t, "12345678901234567890", got.Text, "an ID keeps its digits")
	require.Equal(t, "1.50", *got.Maybe)
	require.Empty(t, lost)
}

func TestATimeIsReadInEachKnownForm(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, form := range []string{
		`1795694400000`, `1795694400`, `"1795694400000"`, `"1795694400"`, `1795694400000.4`, `1795694400.0`, `1.7956944e12`,
		`"2026-11-26T12:00:00Z"`, `"2026-11-26T12:00:00.000Z"`, `"2026-11-26T12:00:00.0001Z"`, `"2026-11-26T13:00:00+01:00"`, `"2026-11-26T13:00:00+0100"`,
		`"2026-11-26T13:00:00+01"`, `"2026-11-26T12:00:00"`, `"2026-11-26 12:00:00"`, `"2026-11-26 12:00:00Z"`, `"2026-11-26 13:00:00+01:00"`,
		`"2026-11-26 12:00:00 UTC"`, `"2026-11-26t12:00:00z"`, `" 2026-11-26T12:00:00Z "`,
		`"Thu, 26 Nov 2026 12:00:00 GMT"`, `"Thu, 26 Nov 2026 12:00:00 UTC"`, `"Thu, 26 Nov 2026 13:00:00 +0100"`, `"26 Nov 2026 12:00:00 GMT"`,
		`"Thursday, 26-Nov-26 12:00:00 GMT"`, `"Thu Nov 26 12:00:00 2026"`,
	} {
		got, lost := read(t, `{"at":`+form+`}`)
		require.Equal(t, want, got.At, form)
		require.Empty(t, lost, form)
	}
}

func TestOffloadsYear9999IsTheZeroTimeAndNotLost(t *testing.T) {
	t.Parallel()
	for _, form := range []string{`253402300799999`, `253402300799000`, `"253402300799999"`, `"9999-12-31T23:59:59.999Z"`, `0`} {
		got, lost := read(t, `{"at":`+form+`}`)
		require.Zero(t, got.At, form)
		require.Empty(t, lost, form)
	}
}

func TestNamesAreComparedExactlyAndTheLastOfTwoCounts(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"text":"a","Text":"b","TEXT":null,"raw":{"signed":true},"Raw":null,"count":1,"count":2,"files":[{"id":"x"}],"files":[]}`)
	require.Equal(t, "a", got.Text)
	require.JSONEq(t, `{"signed":true}`, string(got.Raw))
	require.Equal(t, 2, got.Count)
	require.Empty(t, got.Files)
	require.Empty(t, lost)
}

func TestAByteOrderMarkIsSkipped(t *testing.T) {
	t.Parallel()
	got, _ := read(t, "\xef\xbb\xbf{\"text\":\"a\"}")
	require.Equal(t, "a", got.Text)
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	t.Parallel()
	got, lost := read(t, "{\"text\":\"a\xff\",\"maybe\":\"\\n\xff\\ud800\",\"raw\":{\"b\":\"\xff\"}}")
	require.Equal(t, "a\uFFFD", got.Text)
	require.Equal(t, "\n\uFFFD\uFFFD", *got.Maybe)
	require.Equal(t, "{\"b\":\"\uFFFD\"}", string(got.Raw))
	require.Empty(t, lost)
}

func TestAnythingButAnObjectIsAnErrorWithoutTheValue(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, ` `, `{`, `{"text":`, `{"text":"secret`, `{"text":"secret"`, `{"files":[{"id":"secret"}`, `{"files":["secret"`, `{"text":secret}`, `{"count":1x}`,
		`{} {}`, `[]`, `["secret"]`, `"secret"`, `7`, `true`, `null`, "\x1f\x8b\x08", "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf{}",
	} {
		var e everything
		_, err := wire.Read([]byte(body), &e)
		require.ErrorIs(t, err, wire.ErrJSON, body)
		require.NotContains(t, err.Error(), "secret", body)
	}
}

func TestARawValueIsBoundedInDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth) }
	got, lost := read(t, `{"raw":`+nested(1000)+`}`)
	require.Len(t, got.Raw, 2000)
	require.Empty(t, lost)
	got, lost = read(t, `{"raw":`+nested(1001)+`,"text":"after"}`)
	require.Nil(t, got.Raw)
	require.Equal(t, "after", got.Text)
	require.Equal(t, []string{"raw"}, lost)
	got, _ = read(t, `{"raw":"\"`+strings.Repeat(`[{\"`, 3000)+`"}`)
	require.NotNil(t, got.Raw, "brackets in text are text")
}

func TestAValueTooDeepForAReaderIsLostAlone(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[{"a":`, 5000) + `["\\\"]["]` + strings.Repeat(`}]`, 5000)
	for fields, wantLost := range map[string][]string{
		`"raw":` + deep:                        {"raw"},
		`"maybe":` + deep + `,"count":` + deep: {"maybe", "count"},
		`"inner":` + deep:                      {"inner"},
		`"inner":{"id":` + deep + `}`:          {"inner.id"},
		`"ref":{"more":` + deep + `}`:          nil,
		`"files":[{"id":"f"},` + deep + `]`:    {"files[1]"},
		`"more":` + deep + `,"most":` + deep:   nil,
	} {
		got, lost := read(t, "\xef\xbb\xbf{"+fields+`,"text":"after"}`)
		require.Equal(t, "after", got.Text, "%.20s", fields)
		require.Equal(t, wantLost, lost, "%.20s", fields)
	}
	_, err := wire.Read([]byte(`{"more":`+strings.TrimSuffix(deep, "]")+`,"text":"secret"}`), new(everything))
	require.ErrorIs(t, err, wire.ErrJSON)
	_, err = wire.Read([]byte(`{"more":`+strings.Repeat("[", 20_000)), new(everything))
	require.ErrorIs(t, err, wire.ErrJSON)
}

func TestTheNumberOfNamedLossesIsBounded(t *testing.T) {
	t.Parallel()
	got, lost := read(t, `{"files":[`+strings.Repeat(`7,`, 10_000)+`{"id":"last"}]}`)
	require.Equal(t, []file{{"last", 0}}, got.Files)
	require.Len(t, lost, wire.MaxLost)
}

func TestOneReadKeepsNothingOfAnother(t *testing.T) {
	t.Parallel()
	for range 100 {
		_, lost := read(t, `{"count":[]}`)
		require.Equal(t, []string{"count"}, lost)
		_, lost = read(t, `{}`)
		require.Empty(t, lost)
	}
}

func TestTextReadsOneValue(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{`"a"`: "a", `7`: "7", `{}`: "", ``: "", `null`: ""} {
		got, _ := wire.Text(json.RawMessage(raw))
		require.Equal(t, want, got, raw)
	}
}

// All values that were read can be encoded as JSON, and a lost field does not change the others.
func FuzzAnyValueInAnyFieldLosesThatFieldOnly(f *testing.F) {
	for _, value := range []string{
		`1`, `"x"`, `null`, `{}`, `[1,{}]`, `9e99`, `"2026-11-26T12:00:00Z"`, `"\ud800"`, "\"\xff\"", `253402300799999`, `[{"id":{}}]`,
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	} {
		for n := range uint8(10) {
			f.Add(n, []byte(value))
		}
	}
	names := []string{"text", "maybe", "yes", "count", "number", "at", "raw", "inner", "ref", "files"}
	f.Fuzz(func(t *testing.T, n uint8, value []byte) {
		if !json.Valid(wire.CutDeep(value)) {
			return
		}
		name := names[int(n)%len(names)]
		var got struct {
			everything
			Last string `json:"last"`
		}
		lost, err := wire.Read(fmt.Appendf(nil, `{%q:%s,"last":"here"}`, name, value), &got)
		require.NoError(t, err)
		require.Equal(t, "here", got.Last)
		for _, path := range lost {
			require.True(t, strings.HasPrefix(path, name), path)
		}
		stored, err := json.Marshal(got.everything)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(stored, new(everything)))
	})
}
