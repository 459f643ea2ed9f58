package weights

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
)

// TestMapsCoverNetworks holds that every built-in map has a line for every tensor of a network, but for those of
// operators that its program does not have, and never one name for two.
func TestMapsCoverNetworks(t *testing.T) {
	for _, m := range Maps() {
		if m.About == "" || len(m.detect) == 0 {
			t.Errorf("%s has no line about or detect", m.Name)
		}
		for _, a := range []*decode.Architecture{decode.Published(), allOperators()} {
			model, err := compile.Compile(a, compile.Options{Filters: 1, Classes: 2, Height: 65, Width: 65})
			if err != nil {
				t.Fatal(err)
			}
			own, err := compile.Weights(model)
			if err != nil {
				t.Fatal(err)
			}
			x := &matcher{o: Options{Map: m}, arch: a}
			taken := make(map[string]string)
			for _, name := range slices.Sorted(maps.Keys(own)) {
				rule, names, err := x.sources(name)
				if err != nil {
					t.Errorf("%s: %s: %v", m.Name, name, err)
				}
				if rule == nil {
					if m.Name != "noamrosenberg" || !strings.Contains(name, "/skip_connect/") {
						t.Errorf("%s has no line for %s", m.Name, name)
					}
					continue
				}
				for _, theirs := range names {
					if other := taken[theirs]; other != "" {
						t.Errorf("%s: %s and %s are both %s", m.Name, other, name, theirs)
					}
					taken[theirs] = name
				}
			}
		}
	}
}

// allOperators is an architecture with every operator, at strides 1 and 2.
func allOperators() *decode.Architecture {
	a := &decode.Architecture{Path: []int{0, 1, 0}}
	for op := decode.MaxPool3x3; int(op) < decode.NumOperators; op++ {
		a.Cell = append(a.Cell, decode.Block{{Input: 0, Op: op}, {Input: 1, Op: op}})
	}
	return a
}

func TestPatterns(t *testing.T) {
	tables := map[string]map[string]string{"side": {"0": "left", "1": "right"}}
	for _, c := range []struct{ ours, theirs, name, want string }{
		{"cell{l}/block{b}/branch{side}/*", "c{l}.{b+1}.{side}", "cell10/block2/branch1/x/y", "c10.3.right"},
		{"cell{l}/block{b}/branch{side}/*", "c", "cell10/block2/branch2/x", ""},
		{"sep_{k}x{k}", "s{k}", "sep_3x3", "s3"},
		{"sep_{k}x{k}", "s{k}", "sep_3x5", ""},
		{"{*}", "{*}/average", "a/b.c", "a/b.c/average"},
		{"a.b", "x", "aXb", ""},
		{"n{i}", "n{i-1}", "n0", "n-1"},
	} {
		p, err := compilePattern(c.ours, tables)
		if err != nil {
			t.Errorf("%s: %v", c.ours, err)
			continue
		}
		got := ""
		if found, ok := p.match(c.name); ok {
			if got, err = expand(c.theirs, found, tables); err != nil {
				t.Error(err)
			}
		}
		if got != c.want {
			t.Errorf("%s → %s of %s: %q, want %q", c.ours, c.theirs, c.name, got, c.want)
		}
	}
}

// TestEdge numbers branches as the states that they read are old.
func TestEdge(t *testing.T) {
	block := func(first, second int) decode.Block { return decode.Block{{Input: first}, {Input: second}} }
	x := &matcher{arch: &decode.Architecture{Cell: []decode.Block{block(1, 0), block(0, 1), block(2, 0), block(3, 3)}}}
	var got []string
	for b := range 4 {
		for side := range 2 {
			name := "cell0/block" + string(rune('0'+b)) + "/branch" + string(rune('0'+side)) + "/sep_conv_3x3"
			edge, ok := x.edge(name, string(rune('0'+b)))
			if !ok {
				t.Error(name)
			}
			got = append(got, edge)
		}
	}
	if want := []string{"0", "1", "3", "2", "5", "4", "6", "7"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, ok := x.edge("cell0/block4/branch0", "4"); ok {
		t.Error("a block that there is not")
	}
}

func TestParseMapBad(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 `no line "tensor OURS THEIRS"`,
		"about nothing\n":                  "no line",
		"tensr a b":                        `line 1: "tensr" is no word of a map`,
		"# c\ntensor a":                    "line 2: tensor with 1 words",
		"tensor {X} b":                     "braces",
		"tensor {i+1} b":                   "no arithmetic on the left",
		"tensor a b HWOI":                  `"HWOI", want HWIO`,
		"tensor a b inputs=0,0":            "the numbers 0 to 1, each once",
		"tensor a b inputs=":               "the numbers 0 to 0",
		"tensor a b else=x":                "want a number",
		"let bn scale":                     "want OURS=THEIRS",
		"let B a=b":                        "small letters",
		"epsilon x *":                      `ε "x"`,
		"epsilon -1 *":                     `ε "-1"`,
		"ignore *":                         "ignore with 1 words",
		strings.Repeat("#", MaxMapBytes+1): "the limit of a map",
	} {
		if m, err := ParseMap("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want %s", text, m, err, want)
		}
	}
	// A right side that names what the left has not is found when it is used.
	m, err := ParseMap("x", []byte("tensor a{i} b{j}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&matcher{o: Options{Map: m}}).sources("a1"); err == nil || !strings.Contains(err.Error(), "{j} stands for nothing") {
		t.Error(err)
	}
}

// FuzzMap holds that no text makes a map that panics.
func FuzzMap(f *testing.F) {
	entries, err := builtIn.ReadDir("maps")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		text, err := builtIn.ReadFile("maps/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("let a =x 1=\ntensor {a}{b}{*} {edge}{a+1} inputs=1,0 else=1e9 minus={*}"))
	names := []string{"cell1/block0/branch1/sep_conv_3x3/pointwise0/bn/mean", "logits/conv/bias", "12", ""}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMap("x", text)
		if err != nil {
			return
		}
		x := &matcher{o: Options{Map: m}, arch: decode.Published()}
		for _, name := range names {
			if rule, found, err := x.sources(name); err == nil && rule != nil {
				for _, shape := range [][]int{{3}, {4, 4, 1, 1}, {2, 3, 5, 5}} {
					if s := rule.shapes(shape); s != nil && len(found) < 1 {
						t.Fatal("no name")
					}
				}
			}
		}
	})
}
