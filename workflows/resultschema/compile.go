package resultschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// home is the URL of a schema without an $id. Nothing is fetched from it.
const home = "https://schema.invalid/result"

// compile reads a schema. It caches nothing, because a check happens once in the life of a case.
func compile(raw json.RawMessage, work *budget) (schema *jsonschema.Schema, err error) {
	document, err := parse(raw, schemaLimits)
	if err != nil {
		return nil, fmt.Errorf("%w: it %w", ErrSchema, err)
	}
	err = work.within(func() error {
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft2020)
		compiler.UseLoader(noLoader{})
		compiler.UseRegexpEngine(work.pattern)
		if err := compiler.AddResource(home, document); err != nil {
			return err
		}
		if schema, err = compiler.Compile(home); err != nil {
			return err
		}
		return count(schema, work)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSchema, explain(err))
	}
	return schema, nil
}

var errExternalRef = errors.New("a reference leads out of the schema, and nothing is fetched: copy its target into $defs")

// noLoader is a loader that loads nothing. The documented drafts are built into the library.
type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errExternalRef }

// MaxPatternBytes is the longest regular expression.
const MaxPatternBytes = 1000

var errPattern = errors.New("a pattern is not an RE2 regular expression, or is longer than 1,000 bytes: lookaround and back references are not supported")

// pattern compiles a regular expression. Its time is linear in the text, with its number of instructions as the factor, which is counted.
func (b *budget) pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > MaxPatternBytes {
		return nil, errPattern
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, errPattern
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, errPattern
	}
	b.spend(len(program.Inst))
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, errPattern
	}
	return countedPattern{Regexp: compiled, instructions: len(program.Inst), work: b}, nil
}

type countedPattern struct {
	*regexp.Regexp
	instructions int
	work         *budget
}

// MatchString implements jsonschema.Regexp. One step is 50 instructions at one byte.
func (p countedPattern) MatchString(text string) bool {
	p.work.spend(1 + (len(text)+1)*p.instructions/50)
	return p.Regexp.MatchString(text)
}
