package weights

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pattern is the left side of a line of a map.
type pattern struct {
	expr  *regexp.Regexp
	names []string // of the groups
}

// placeholder is {name} or {name+1}.
var placeholder = regexp.MustCompile(`\{([a-z]+|\*)([+-]\d+)?\}|\*`)

// compilePattern turns a pattern into an expression. tables gives the words of a placeholder that is no number.
func compilePattern(text string, tables map[string]map[string]string) (*pattern, error) {
	p := &pattern{}
	var b strings.Builder
	b.WriteString("^")
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(regexp.QuoteMeta(text[at:m[0]]))
		at = m[1]
		name := "*"
		if m[2] >= 0 {
			name = text[m[2]:m[3]]
		}
		if m[4] >= 0 {
			return nil, fmt.Errorf("%s: no arithmetic on the left", text[m[0]:m[1]])
		}
		switch table := tables[name]; {
		case name == "*":
			b.WriteString("(.*)")
		case table != nil:
			var words []string
			for _, w := range slices.Sorted(maps.Keys(table)) {
				words = append(words, regexp.QuoteMeta(w))
			}
			b.WriteString("(" + strings.Join(words, "|") + ")")
		default:
			b.WriteString(`(\d{1,9})`)
		}
		p.names = append(p.names, name)
	}
	rest := text[at:]
	if strings.ContainsAny(rest, "{}") {
		return nil, fmt.Errorf("%q: braces that hold no name of small letters", text)
	}
	b.WriteString(regexp.QuoteMeta(rest) + "$")
	var err error
	p.expr, err = regexp.Compile(b.String())
	return p, err
}

// match gives what the placeholders stand for.
func (p *pattern) match(name string) (map[string]string, bool) {
	m := p.expr.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	found := make(map[string]string, len(p.names))
	for i, key := range p.names {
		if old, twice := found[key]; twice && key != "*" && old != m[i+1] {
			return nil, false
		}
		found[key] = m[i+1]
	}
	return found, true
}

// expand puts what the placeholders stand for into a right side. The error is for one that stands for nothing.
func expand(text string, found map[string]string, tables map[string]map[string]string) (string, error) {
	var err error
	out := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		m := placeholder.FindStringSubmatch(p)
		name := m[1]
		if name == "" {
			name = "*"
		}
		value, ok := found[name]
		if !ok {
			err = fmt.Errorf("%s stands for nothing on the left", p)
			return p
		}
		if table := tables[name]; table != nil {
			value = table[value]
		}
		if m[2] == "" {
			return value
		}
		n, numberErr := strconv.Atoi(value)
		step, stepErr := strconv.Atoi(m[2])
		if numberErr != nil || stepErr != nil {
			err = fmt.Errorf("%s: %q is no number", p, value)
		}
		return strconv.Itoa(n + step)
	})
	return out, err
}
