package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"
)

//go:embed reference.html
var referenceSource string

// publish adds the document, and the reference that people read it in. Both are open: they hold no secret.
func (s *Server) publish(e *echo.Echo) error {
	reference, err := renderReference()
	if err != nil {
		return err
	}
	e.GET("/v1/openapi.yaml", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/yaml", document) })
	read := func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		return c.HTMLBlob(http.StatusOK, reference)
	}
	e.GET("/v1", read)
	e.GET("/v1/", read)
	return nil
}

// node is a part of the document in the order in which it is written.
type node struct{ *yaml.Node }

// get follows names; what is missing is an empty node.
func (n node) get(names ...string) node {
	for _, name := range names {
		next := node{&yaml.Node{}}
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if n.Content[i].Value == name {
				next = node{n.Content[i+1]}
			}
		}
		n = next
	}
	return n
}

// Get is get for the template.
func (n node) Get(name string) node { return n.get(name) }

// Text is the value in one line.
func (n node) Text() string { return strings.TrimSpace(n.Value) }

// Pairs are the members of an object.
func (n node) Pairs() []pair {
	var pairs []pair
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		pairs = append(pairs, pair{n.Content[i].Value, node{n.Content[i+1]}})
	}
	return pairs
}

// Items are the members of a list.
func (n node) Items() []node {
	items := make([]node, len(n.Content))
	for i := range n.Content {
		items[i] = node{n.Content[i]}
	}
	return items
}

// Type is a schema in short: the name of another, or its type.
func (n node) Type() string {
	switch {
	case n.get("$ref").Value != "":
		return n.Ref()
	case n.get("type").Value == "array":
		return "list of " + n.get("items").Type()
	case n.get("type").Kind == yaml.SequenceNode:
		var types []string
		for _, t := range n.get("type").Items() {
			types = append(types, t.Value)
		}
		return strings.Join(types, " or ")
	case n.get("format").Value != "":
		return n.get("format").Value
	case n.get("type").Value == "":
		return "anything"
	}
	return n.get("type").Value
}

// Ref is the name that a reference ends with.
func (n node) Ref() string {
	ref := n.get("$ref").Value
	return ref[strings.LastIndexByte(ref, '/')+1:]
}

// Lists says whether a list of texts has the text.
func (n node) Lists(text string) bool {
	for _, item := range n.Items() {
		if item.Value == text {
			return true
		}
	}
	return false
}

type pair struct {
	Name  string
	Value node
}

func renderReference() ([]byte, error) {
	var parsed yaml.Node
	if err := yaml.Unmarshal(document, &parsed); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	root := node{parsed.Content[0]}
	functions := template.FuncMap{
		"parameter": func(n node) node {
			if name := n.Ref(); name != "" {
				return root.get("components", "parameters", name)
			}
			return n
		},
		"method": strings.ToUpper,
		"prose":  prose,
	}
	reference, err := template.New("reference").Funcs(functions).Parse(referenceSource)
	if err != nil {
		return nil, fmt.Errorf("reference.html: %w", err)
	}
	var out bytes.Buffer
	if err := reference.Execute(&out, root); err != nil {
		return nil, fmt.Errorf("reference.html: %w", err)
	}
	return out.Bytes(), nil
}

// prose renders the little Markdown that the document has: paragraphs, code, bold words and tables. All text is escaped.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if !strings.HasPrefix(paragraph, "|") {
			fmt.Fprintf(&out, "<p>%s</p>\n", inline(paragraph))
			continue
		}
		out.WriteString("<table>\n")
		for row := range strings.SplitSeq(paragraph, "\n") {
			if strings.HasPrefix(row, "| ---") {
				continue
			}
			out.WriteString("<tr>")
			for cell := range strings.SplitSeq(strings.Trim(row, "| "), " | ") {
				fmt.Fprintf(&out, "<td>%s</td>", inline(cell))
			}
			out.WriteString("</tr>\n")
		}
		out.WriteString("</table>\n")
	}
	return template.HTML(out.String()) //nolint:gosec // inline escapes
}

// inline marks every second part between backquotes as code, and between double stars as bold.
func inline(text string) string {
	return alternate(template.HTMLEscapeString(text), "`", "code", func(plain string) string {
		return alternate(plain, "**", "b", func(s string) string { return s })
	})
}

func alternate(text, mark, tag string, plain func(string) string) string {
	var out strings.Builder
	for i, part := range strings.Split(text, mark) {
		if i%2 == 1 {
			fmt.Fprintf(&out, "<%s>%s</%s>", tag, part, tag)
		} else {
			out.WriteString(plain(part))
		}
	}
	return out.String()
}
