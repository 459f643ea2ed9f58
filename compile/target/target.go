// Package target knows what engines take: for each, a table made by tables.py of what its makers list, or of what the
// engine itself says, and a check of a model against it.
package target

import (
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/onnx/tensor"
)

// Tables are texts of lines; # begins a comment. Of each table, the first lines are its head:
//
//	engine NAME AND VERSION
//	source WHERE THE TABLE IS FROM
//	opset LOW HIGH        versions of ai.onnx that a model may import
//	io TYPES              element types of a model's inputs and outputs
//	only-io TYPES         of these, those that no other value may have
//	widen TYPE AS         nodes without a kernel for the first type run as the second
//
// Then come operators, one line a range of versions of the operator set, * for no end. TYPES are by type variable of the
// operator's schema; main is the first input's type (the first output's, of operators without inputs of a type of their
// own), out the first output's. What is not named may be anything:
//
//	op NAME LOW HIGH VARIABLE=TYPE,TYPE …
//
// And what else is asked for, where i is the place of an input:
//
//	attr OP NAME VALUES       the attribute has one of the values
//	no-attr OP NAMES          the attributes are not there
//	ones OP NAME              the attribute, a list, is not there or all ones
//	constant OP i             the input, if given, is an initializer or known when the model is loaded
//	zero OP i                 and all its elements are 0
//	rank OP i LOW HIGH        the input has so many axes
//	outputs OP N              the node has at most so many outputs
//
//go:embed *.table
var tables embed.FS

// Generic is the target of what all other ones list.
const Generic = "generic"

// Table is what one engine takes.
type Table struct {
	Name           string
	Engine, Source string
	Low, High      int // opset
	io, onlyIO     []tensor.DType
	widen          map[tensor.DType]tensor.DType
	ops            map[string][]row
	rules          map[string][]rule // by operator
}

// row is one line of an operator.
type row struct {
	low, high int
	types     map[string][]tensor.DType
}

// rule is one line of what else is asked for.
type rule struct {
	kind   string
	input  int    // of constant, zero, rank
	name   string // of attr, ones
	values []string
	low    int // of rank, outputs
	high   int
}

// Names lists the targets, Generic last.
func Names() []string { return []string{"onnxruntime", "tensorrt", "openvino", Generic} }

// Tables gives the tables of a target: one, or all for Generic. The error lists the names that there are.
func Tables(name string) ([]*Table, error) {
	all := Names()
	if !slices.Contains(all, name) {
		return nil, fmt.Errorf("no target is called %.40q, want %s", name, strings.Join(all, ", "))
	}
	names := []string{name}
	if name == Generic {
		names = all[:len(all)-1]
	}
	var list []*Table
	for _, n := range names {
		text, err := tables.ReadFile(n + ".table")
		if err != nil {
			return nil, err // unreachable: Names lists files
		}
		t, err := parse(n, string(text))
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// parse reads a table. The error names the line.
func parse(name, text string) (*Table, error) {
	t := &Table{Name: name, widen: make(map[tensor.DType]tensor.DType), ops: make(map[string][]row), rules: make(map[string][]rule)}
	for i, line := range strings.Split(text, "\n") {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(line, "#") {
			if err := t.line(words); err != nil {
				return nil, fmt.Errorf("%s.table:%d: %w", name, i+1, err)
			}
		}
	}
	if t.Engine == "" || t.Source == "" || t.High == 0 || len(t.io) == 0 {
		return nil, fmt.Errorf("%s.table: its head wants engine, source, opset and io", name)
	}
	return t, nil
}

func (t *Table) line(words []string) (err error) {
	rest := words[1:]
	switch words[0] {
	case "engine":
		t.Engine = strings.Join(rest, " ")
	case "source":
		t.Source = strings.Join(rest, " ")
	case "opset":
		t.Low, t.High, err = span(rest)
	case "io":
		t.io, err = types(rest)
	case "only-io":
		t.onlyIO, err = types(rest)
	case "widen":
		var pair []tensor.DType
		if pair, err = types(rest); err == nil && len(pair) == 2 {
			t.widen[pair[0]] = pair[1]
		}
	case "op":
		err = t.operator(rest)
	default:
		err = t.rule(words[0], rest)
	}
	return err
}

func (t *Table) operator(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("an operator wants a name and two versions")
	}
	r := row{types: make(map[string][]tensor.DType)}
	var err error
	if r.low, r.high, err = span(words[1:3]); err != nil {
		return err
	}
	for _, word := range words[3:] {
		variable, list, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("%q, want VARIABLE=TYPES", word)
		}
		if r.types[variable], err = types(strings.Split(list, ",")); err != nil {
			return err
		}
	}
	t.ops[words[0]] = append(t.ops[words[0]], r)
	return nil
}

// wants is how many words each kind of rule has behind the operator, at least.
var wants = map[string]int{"attr": 2, "no-attr": 1, "ones": 1, "constant": 1, "zero": 1, "rank": 3, "outputs": 1}

func (t *Table) rule(kind string, words []string) (err error) {
	n, ok := wants[kind]
	if !ok || len(words) < n+1 {
		return fmt.Errorf("%q is no line of a table", strings.Join(append([]string{kind}, words...), " "))
	}
	op, words := words[0], words[1:]
	r := rule{kind: kind}
	switch kind {
	case "attr":
		r.name, r.values = words[0], words[1:]
	case "no-attr":
		r.values = words
	case "ones":
		r.name = words[0]
	case "outputs":
		r.high, err = strconv.Atoi(words[0])
	case "rank":
		if r.input, err = strconv.Atoi(words[0]); err == nil {
			r.low, r.high, err = span(words[1:])
		}
	default:
		r.input, err = strconv.Atoi(words[0])
	}
	t.rules[op] = append(t.rules[op], r)
	return err
}

func span(words []string) (low, high int, err error) {
	if len(words) != 2 {
		return 0, 0, fmt.Errorf("%q, want two numbers", strings.Join(words, " "))
	}
	if low, err = strconv.Atoi(words[0]); err != nil {
		return 0, 0, err
	}
	if words[1] == "*" {
		return low, math.MaxInt, nil
	}
	high, err = strconv.Atoi(words[1])
	return low, high, err
}

func types(names []string) ([]tensor.DType, error) {
	var list []tensor.DType
	for _, name := range names {
		d, ok := tensor.ParseDType(name)
		if !ok || d == tensor.Undefined {
			return nil, fmt.Errorf("%q is no element type", name)
		}
		list = append(list, d)
	}
	return list, nil
}
