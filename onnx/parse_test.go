package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"
)

// testdata/text.py had onnx.parser read the same texts.
func TestParseAgreesWithONNX(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want := readModel(t, strings.TrimSuffix(file, ".txt")+".parsed.onnx")
		if diff := cmp.Diff(want, m, protocmp.Transform(), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-onnx.parser +Parse):\n%s", file, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                `1:1: want a graph, have the end of the text`,
		"  \n # only a comment":                           `2:18: want a graph, have the end of the text`,
		"g":                                               `1:2: want "=>", have the end of the text`,
		"g () = > () {}":                                  `1:6: want "=>", have "="`,
		"g () => ()":                                      `1:11: want "{", have the end of the text`,
		"g () => () {":                                    `1:13: want "=", have the end of the text`,
		"g () => () { y Op() }":                           `1:16: want "=", have "Op"`,
		"g () => () { y = Op }":                           `1:21: want "(", have "}"`,
		"g () => () { y = Op(x }":                         `1:23: want ")", have "}"`,
		"g () => () { y = a.(x) }":                        `1:20: want an operator, have "("`,
		"g (float[ x) => () {}":                           `1:12: want "]", have ")"`,
		"g (float[1.5] x) => () {}":                       `1:10: want an integer, have 1.5`,
		"g (float[-] x) => () {}":                         `1:10: want a number, have "-"`,
		"g (seq(5) x) => () {}":                           `1:8: want a type, have "5"`,
		"g (map(5, float) x) => () {}":                    `1:8: want an element type, have "5"`,
		"g (opaque(5) x) => () {}":                        `1:11: want a name, have "5"`,
		"g (float[1] \"x) => () {}":                       `1:13: the string has no end`,
		"<ir_version 8> g () => () {}":                    `1:13: want ":", have "8"`,
		"<ir_version: \"8\"> g () => () {}":               `1:14: want a number, have "\"8"`,
		"<colour: 8> g () => () {}":                       `1:2: unknown key "colour"`,
		"<doc_string: 8> g () => () {}":                   `1:14: want a string in double quotes, have "8"`,
		"<domain: \"\xff\"> g () => () {}":                `1:10: the string is not valid UTF-8`,
		"<opset_import: [17]> g () => () {}":              `1:17: want a string in double quotes, have "17"`,
		"g () => () <float[2] w = {1, x}> {}":             `1:30: want a number, have "x"`,
		"g () => () <float[2] w = {1, …}> {}":             `1:30: want a number, have … (the text was cut short when it was written: write it in full)`,
		"g () => () <float[N] w = {1}> {}":                `1:26: contents need a tensor type whose dimensions are numbers`,
		"g () => () <float[] w = {1}> {}":                 `1:25: contents need a tensor type with dimensions before them`,
		"g () => () <w = {1}> {}":                         `1:17: contents need a tensor type with dimensions before them`,
		"g () => () <int32[1] w = {2147483648}> {}":       `1:27: 2147483648 does not fit a signed integer of 32 bits`,
		"g () => () <uint64[1] w = {-1}> {}":              `1:28: -1 does not fit an unsigned integer of 64 bits`,
		"g () => () <float[1] w = {1e39}> {}":             `1:27: 1e39 does not fit a float of 32 bits`,
		"g () => () <float[1] w = {1e}> {}":               `1:27: 1e does not fit a float of 32 bits`,
		"g () => () <string[1] w = {1}> {}":               `1:28: want a string in double quotes, have "1"`,
		"g () => () { = O <a = 9223372036854775808> () }": `1:23: 9223372036854775808 does not fit a signed integer of 64 bits`,
		"g () => () { = O <a: int = 1.5> () }":            `1:28: want a value of type int, have float`,
		"g () => () { = O <a: ints = 1> () }":             `1:29: want a value of type ints, have int`,
		"g () => () { = O <a: int = [1]> () }":            `1:28: want a single int, have "["`,
		"g () => () { = O <a: colour = 1> () }":           `1:22: want an attribute type (int, floats, tensor …), have "colour"`,
		"g () => () { = O <a = []> () }":                  `1:23: an empty list needs a type before it, as in "a: ints = []"`,
		"g () => () { = O <a = [1, 2.5]> () }":            `1:27: want a value of type int, have float`,
		"g () => () { = O <a = [@b]> () }":                `1:24: a reference to an attribute cannot stand in a list`,
		"g () => () { = O <a = > () }":                    `1:23: want a number, have ">"`,
		"g () => () {} rest":                              `1:19: want "(", have the end of the text`,
		strings.Repeat("g () => () { = If () <a = ", 200): `1:2601: nested more than 100 deep`,
		"g (" + strings.Repeat("seq(", 1000):              `1:400: nested more than 100 deep`,
	} {
		m, err := Parse(text)
		if err == nil {
			t.Errorf("%.60q gives no error but %v", text, m)
		} else if err.Error() != want {
			t.Errorf("%.60q:\nhave %s\nwant %s", text, err, want)
		}
	}
}
