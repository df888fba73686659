package workflows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestEachAttentionSaysWhatToDo(t *testing.T) {
	t.Parallel()
	values := attentionConstants(t)
	require.Greater(t, len(values), 20, "the constants were found")
	for name, value := range values {
		sentence, ok := workflows.AttentionHelp(value)
		require.True(t, ok, "%s has no help: add it to the table", name)
		require.Regexp(t, `^[A-Z].*\.$`, sentence, name)
	}
	require.ElementsMatch(t, slices.Collect(maps.Values(values)), workflows.Attentions())
	_, ok := workflows.AttentionHelp("of a later version")
	require.False(t, ok)
}

// attentionConstants returns the values of all constants of the package that begin with Attention.
func attentionConstants(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	values := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if strings.HasPrefix(name.Name, "Attention") && i < len(spec.Values) {
					literal, ok := spec.Values[i].(*ast.BasicLit)
					require.True(t, ok, name.Name)
					value, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					values[name.Name] = value
				}
			}
			return true
		})
	}
	return values
}
