package onnx

import (
	"strings"
	"testing"

	"autodeeplab/onnx/tensor"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{`cell0/conv "a" \n é … 空 👍`, `cell0/conv "a" \n é … 空 👍`},
		{"e\u0301", "e\u0301"}, // a combining accent
		{"a\nb\tc\r", `a\nb\tc\r`},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"nul\x00 bell\a del\x7f", `nul\x00 bell\a del\x7f`},
		{"\u009b31m", `\u009b31m`},         // the C1 control sequence introducer
		{"\u202egnp.exe", `\u202egnp.exe`}, // right-to-left override
		{"a\u2028b\u200bc\u00a0d", `a\u2028b\u200bc\u00a0d`},
		{"\xff \xef", `\xff \xef`},
		{"\U000e0041", `\U000e0041`}, // an invisible tag
		{"\uFFFD", "\uFFFD"},
	} {
		if have := Printable(c.text); have != c.want {
			t.Errorf("Printable(%q) is %q, want %q", c.text, have, c.want)
		}
	}
}

// hostile would end its line, forge another and colour the rest, if it were printed as it is.
const hostile = "x\n[forged] y = Relu (x) \x1b[31m\u202e\x00"

// TestFormatHostile puts hostile text into every place of a model that Format writes.
func TestFormatHostile(t *testing.T) {
	m := &Model{
		IrVersion: 8, ProducerName: hostile, ProducerVersion: hostile, Domain: hostile, DocString: hostile,
		OpsetImport:   []*OpsetID{{Domain: hostile, Version: 1}, {Version: 17}},
		MetadataProps: []*Property{{Key: hostile, Value: hostile}},
		Graph: &Graph{
			Name:        hostile,
			Input:       []*ValueInfo{NewValueInfo(hostile, tensor.Float32, []*Dim{NamedDim(hostile)})},
			Output:      []*ValueInfo{NewValueInfo(hostile, tensor.Float32, FixedDims(1))},
			Initializer: []*TensorPB{Encode(hostile, tensor.Of([]string{hostile}, 1))},
			Node: []*Node{{
				Name: hostile, Domain: hostile, OpType: hostile, Overload: hostile, Input: []string{hostile}, Output: []string{hostile},
				Attribute: []*Attribute{AttrString(hostile, hostile), {Name: hostile, RefAttrName: hostile}},
			}},
		},
	}
	for _, c := range []struct {
		name    string
		o       TextOptions
		escapes bool
	}{
		{"short", TextOptions{}, true},
		{"full for a terminal", TextOptions{Full: true, Escape: true}, true},
		{"full for Parse", TextOptions{Full: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := format(t, m, c.o)
			lines := strings.Split(text, "\n")
			forged, noted := false, strings.Contains(text, "# escaped: ")
			for _, line := range lines {
				forged = forged || strings.HasPrefix(line, "[forged]") || Printable(line) != line
			}
			if forged == c.escapes {
				t.Errorf("escaped: %v, want %v:\n%s", !forged, c.escapes, Printable(text))
			}
			if noted != (c.o.Full && c.o.Escape) {
				t.Errorf("the text says that it is escaped: %v", noted)
			}
			if c.escapes {
				return
			}
			again, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if again.GetGraph().GetNode()[0].GetName() != hostile {
				t.Errorf("the name of the node comes back as %q", again.GetGraph().GetNode()[0].GetName())
			}
		})
	}
}
