package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/fixtures"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update to accept):\ngot\n%s\nwant\n%s", path, got, want)
	}
}

// small is valid and uses every operator that a cell may choose.
func small() *Architecture {
	return &Architecture{
		Name: `<small> & "odd" é`,
		Cell: []Block{
			{{0, MaxPool3x3}, {0, AvgPool3x3}},
			{{2, SkipConnect}, {1, SepConv3x3}},
			{{3, SepConv5x5}, {2, AtrConv3x3}},
			{{0, AtrConv5x5}, {4, SkipConnect}},
		},
		Path: []int{1, 2, 3, 2, 1, 0},
	}
}

func TestGolden(t *testing.T) {
	for name, a := range map[string]*Architecture{
		"small":  small(),
		"one":    {Cell: []Block{{{0, SkipConnect}, {1, SkipConnect}}}, Path: []int{0}},
		"sixers": {Name: "levels", Cell: small().Cell[:1], Path: []int{0, 1, 2, 3, 3, 3}},
	} {
		data, err := Marshal(a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, name+".json", data)
		golden(t, name+".txt", []byte(a.String()))
		back, err := Unmarshal(data)
		if err != nil || !back.Equal(a) {
			t.Errorf("%s came back as\n%v, %v", name, back, err)
		}
	}
}

func TestFixtureIsCanonical(t *testing.T) {
	data, err := Marshal(Published())
	if err != nil || string(data) != fixtures.AutoDeepLabJSON {
		t.Errorf("the fixture should read (%v)\n%s", err, data)
	}
	golden(t, "published.txt", []byte(Published().String()))
}

// TestFingerprint holds the fingerprint still: it is SHA-256 of the fixture with an empty name, as sha256sum gives it.
func TestFingerprint(t *testing.T) {
	const want = "7da5e8e55a54d1d3701e130e0eebdaacfd90bcaf1a8029378469b157563d0438"
	if got, err := Published().Fingerprint(); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := new(Architecture).Fingerprint(); err == nil {
		t.Error("an empty architecture has a fingerprint")
	}
}

// doc returns the fixture with each old text, which must occur exactly once, replaced by the new one.
func doc(t *testing.T, oldnew ...string) string {
	t.Helper()
	s := fixtures.AutoDeepLabJSON
	for i := 0; i < len(oldnew); i += 2 {
		if strings.Count(s, oldnew[i]) != 1 {
			t.Fatalf("%q occurs %d times in the fixture", oldnew[i], strings.Count(s, oldnew[i]))
		}
		s = strings.Replace(s, oldnew[i], oldnew[i+1], 1)
	}
	return s
}

func TestUnmarshalErrors(t *testing.T) {
	const (
		path  = "[0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1]"
		first = `[{"input": 1, "op": "atr_conv_5x5"}, {"input": 0, "op": "sep_conv_3x3"}]`
		third = `{"input": 3, "op": "sep_conv_3x3"}`
		last  = `"input": 5`
		ops   = "accepted: max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, atr_conv_3x3, atr_conv_5x5"
		all   = "accepted: format, version, name, cell, path"
	)
	for _, c := range []struct{ what, in, want string }{
		// Not JSON.
		{"empty", "", "line 1, column 1: unexpected end of JSON input"},
		{"blank", "\n\n ", "line 3, column 2: unexpected end of JSON input"},
		{"cut short", doc(t, path, "[0, 0,"), "line 13, column 1: invalid character '}' looking for beginning of value"},
		{"no end", strings.TrimSuffix(fixtures.AutoDeepLabJSON, "}\n"), "line 13, column 1: unexpected end of JSON input"},
		{"comma at the end", doc(t, "2, 1]", "2, 1],"), "line 13, column 1: invalid character '}' looking for beginning of object key string"},
		{"trailing text", fixtures.AutoDeepLabJSON + "x", "line 14, column 1: invalid character 'x' after top-level value"},
		{"a second document", fixtures.AutoDeepLabJSON + "{}", "line 14, column 1: invalid character '{' after top-level value"},
		{"column in characters", doc(t, `"Auto-DeepLab"`, `"é" é`), "line 4, column 15: invalid character 'é' after object key:value pair"},
		{"not UTF-8", doc(t, `"Auto-DeepLab"`, "\"\xff\""), "line 4, column 12: byte 0xff is not UTF-8 text"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "line 1, column 1: byte 0xff is not UTF-8 text"},
		{"a byte-order mark", "\ufeff{}", "line 1, column 1: invalid character '\\ufeff' looking for beginning of value"},
		{"deep", strings.Repeat("[", 20000), "line 1, column 10001: invalid character '[' exceeded max depth"},
		{"too long", strings.Repeat(" ", MaxFileBytes+1), "the document: longer than 1048576 bytes, the limit"},

		// The document.
		{"a list", "[1]", "the document: is a list; want an object with the fields format, version, name, cell, path"},
		{"null", " null", "the document: is null; want an object with the fields format, version, name, cell, path"},
		{"unknown field", doc(t, `"name"`, `"width": 20, "name"`), `the document: unknown field "width" (` + all + ")"},
		{"other case", doc(t, `"name"`, `"Name"`), `the document: unknown field "Name" (` + all + ")"},
		{"a long field", doc(t, `"name"`, `"`+strings.Repeat("é", 999)+`"`),
			`the document: unknown field "` + strings.Repeat("é", 20) + `"… (` + all + ")"},
		{"duplicate", doc(t, `"name"`, `"path": [0], "name"`), "path: given twice"},
		{"duplicate, null", doc(t, `"name"`, `"name": null, "name"`), "name: given twice"},
		{"duplicate, escaped", doc(t, `"name"`, `"n\u0061me": "a", "name"`), "name: given twice"},
		{"no format", doc(t, `"format": "autodeeplab.architecture",`, ""), `format: missing (want "autodeeplab.architecture")`},
		{"other format", doc(t, `"autodeeplab.architecture"`, `"autodeeplab.relaxation"`),
			`format: "autodeeplab.relaxation" is another kind of file (want "autodeeplab.architecture")`},
		{"format of another type", doc(t, `"autodeeplab.architecture"`, `1`), "format: is a number; want a string"},
		{"no version", doc(t, `"version": 1,`, ""), "version: missing (want 1)"},
		{"a later version", doc(t, `"version": 1`, `"heads": 2, "version": 2`), "version: 2 is not known to this program (it reads version 1)"},
		{"version of another type", doc(t, `"version": 1`, `"version": "1"`), "version: is a string; want a whole number"},
		{"no name", doc(t, `"name": "Auto-DeepLab",`, ""), "name: missing"},
		{"null name", doc(t, `"Auto-DeepLab"`, "null"), "name: is null; want a string"},
		{"long name", doc(t, `"Auto-DeepLab"`, `"`+strings.Repeat("a", 129)+`"`), "name: 129 bytes long (the limit is 128)"},
		{"control character", doc(t, `"Auto-DeepLab"`, `"a\u001b[31m"`),
			`name: "a\x1b[31m" holds U+001B, which is not a printable character or a plain space`},
		{"no cell", `{"format": "autodeeplab.architecture", "version": 1, "name": "", "path": [0]}`, "cell: missing"},
		{"no path", doc(t, `,
  "path": `+path, ""), "path: missing"},

		// The cell.
		{"cell of another type", doc(t, path, "0", "[\n    "+first, "[true, "+first), "cell[0]: is true or false; want a list of two branches"},
		{"cell is an object", `{"format": "autodeeplab.architecture", "version": 1, "name": "", "cell": {}, "path": [0]}`,
			"cell: is an object; want a list of blocks"},
		{"no blocks", `{"format": "autodeeplab.architecture", "version": 1, "name": "", "cell": [], "path": [0]}`,
			"cell: has no block (1 to 32 are accepted)"},
		{"33 blocks", doc(t, first, strings.Repeat(first+",", 28)+first), "cell: has more than 32 blocks, the limit"},
		{"no branch", doc(t, first, "[]"), "cell[0]: has too few branches: 0 (a block has 2)"},
		{"one branch", doc(t, "["+third+", ", "["), "cell[2]: has too few branches: 1 (a block has 2)"},
		{"three branches", doc(t, third, third+", "+third), "cell[2]: has too many branches (a block has 2)"},
		{"branch is a list", doc(t, third, `[3, "sep_conv_3x3"]`), "cell[2][0]: is a list; want an object with the fields input, op"},
		{"no input", doc(t, third, `{"op": "sep_conv_3x3"}`), "cell[2][0].input: missing"},
		{"no op", doc(t, third, `{"input": 3}`), "cell[2][0].op: missing"},
		{"unknown field of a branch", doc(t, third, `{"input": 3, "op": "sep_conv_3x3", "stride": 2}`),
			`cell[2][0]: unknown field "stride" (accepted: input, op)`},
		{"duplicate of a branch", doc(t, third, `{"input": 3, "op": "sep_conv_3x3", "input": 3}`), "cell[2][0].input: given twice"},
		{"input is text", doc(t, last, `"input": "5"`), "cell[4][1].input: is a string; want a whole number"},
		{"input is 5.0", doc(t, last, `"input": 5.0`), "cell[4][1].input: 5.0 is not written as a whole number"},
		{"input is 5e0", doc(t, last, `"input": 5e0`), "cell[4][1].input: 5e0 is not written as a whole number"},
		{"input is huge", doc(t, last, `"input": 5`+strings.Repeat("0", 99)), "cell[4][1].input: 50000000000000000000… is far out of range"},
		{"input is -1", doc(t, last, `"input": -1`), "cell[4][1].input: -1 is not a state of block 4 (it may use 0 to 5)"},
		{"input is 7", doc(t, last, `"input": 7`), "cell[4][1].input: 7 is not a state of block 4 (it may use 0 to 5)"},
		{"input is out of range", doc(t, third, `{"input": 7, "op": "sep_conv_3x3"}`),
			"cell[2][0].input: 7 is not a state of block 2 (it may use 0 to 3)"},
		{"cycle of one", doc(t, third, `{"input": 4, "op": "sep_conv_3x3"}`),
			"cell[2][0].input: 4 is block 2 itself, a cycle (it may use 0 to 3)"},
		{"cycle of two", doc(t, third, `{"input": 5, "op": "sep_conv_3x3"}`),
			"cell[2][0].input: 5 is block 3, which comes after block 2, a cycle (it may use 0 to 3)"},
		{"unknown operator", doc(t, third, `{"input": 3, "op": "conv_7x7"}`), `cell[2][0].op: "conv_7x7" is not an operator (` + ops + ")"},
		{"none", doc(t, third, `{"input": 3, "op": "none"}`),
			`cell[2][0].op: "none" stands for no branch at all, so a cell cannot choose it (` + ops + ")"},
		{"op is a number", doc(t, third, `{"input": 3, "op": 4}`), "cell[2][0].op: is a number; want a string"},

		// The path.
		{"path of another type", doc(t, path, `"0 1"`), "path: is a string; want a list of levels"},
		{"no layers", doc(t, path, "[]"), "path: has no layer (1 to 128 are accepted)"},
		{"129 layers", doc(t, path, "[0"+strings.Repeat(",0", 128)+"]"), "path: has more than 128 layers, the limit"},
		{"level is text", doc(t, path, `[0, "1/8"]`), "path[1]: is a string; want a whole number"},
		{"above 1/4", doc(t, path, "[0, 0, -1]"), "path[2]: -1 is not a level (0 to 3, for rates 1/4, 1/8, 1/16 and 1/32)"},
		{"below 1/32", doc(t, path, "[1, 2, 3, 4]"), "path[3]: 4 is not a level (0 to 3, for rates 1/4, 1/8, 1/16 and 1/32)"},
		{"unreachable", doc(t, path, "[2, 1]"),
			"path[0]: level 2 cannot be reached: layer 0 comes from the stem, at level 0 (it may be at 0 or 1)"},
		{"jump down", doc(t, path, "[0, 0, 2]"), "path[2]: level 2 jumps from level 0 of the layer before (it may be at 0 to 1)"},
		{"jump up", doc(t, path, "[1, 2, 3, 1]"), "path[3]: level 1 jumps from level 3 of the layer before (it may be at 2 to 3)"},
	} {
		a, err := Unmarshal([]byte(c.in))
		if err == nil {
			t.Errorf("%s: accepted as\n%s", c.what, a)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.what, err, c.want)
		}
		var syntax *SyntaxError
		var field *FieldError
		if isSyntax := strings.HasPrefix(c.want, "line "); errors.As(err, &syntax) != isSyntax || errors.As(err, &field) == isSyntax {
			t.Errorf("%s: error of type %T", c.what, err)
		}
	}
}

// TestLenientWhereHarmless lists what a reader of another's files must take.
func TestLenientWhereHarmless(t *testing.T) {
	for what, in := range map[string]string{
		"carriage returns": strings.ReplaceAll(fixtures.AutoDeepLabJSON, "\n", "\r\n"),
		"one line":         strings.ReplaceAll(fixtures.AutoDeepLabJSON, "\n", ""),
		"other order": `{"path": [0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1],` +
			strings.Replace(strings.TrimPrefix(fixtures.AutoDeepLabJSON, "{"), ",\n  \"path\": [0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1]", "", 1),
		"escapes": doc(t, `"Auto-DeepLab"`, `"\u0041uto-DeepLab"`),
	} {
		if a, err := Unmarshal([]byte(in)); err != nil || !a.Equal(Published()) {
			t.Errorf("%s: %v, %v", what, a, err)
		}
	}
}

func TestMarshalRefusesWhatValidateRefuses(t *testing.T) {
	for want, change := range map[string]func(*Architecture){
		`name: "\xff" is not valid UTF-8`: func(a *Architecture) { a.Name = "\xff" },
		"cell: has no block (1 to 32 are accepted)": func(a *Architecture) {
			a.Cell = nil
		},
		"cell[1][1].op: 9 is not an operator (accepted: max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, " +
			"sep_conv_5x5, atr_conv_3x3, atr_conv_5x5)": func(a *Architecture) { a.Cell[1][1].Op = 9 },
		"cell[0][0].input: 2 is block 0 itself, a cycle (it may use 0 to 1)":            func(a *Architecture) { a.Cell[0][0].Input = 2 },
		"path: has more than 128 layers, the limit":                                     func(a *Architecture) { a.Path = make([]int, 129) },
		"path[6]: level 2 jumps from level 0 of the layer before (it may be at 0 to 1)": func(a *Architecture) { a.Path = append(a.Path, 2) },
	} {
		a := small()
		change(a)
		for name, err := range map[string]error{
			"Validate":    a.Validate(),
			"Marshal":     second(Marshal(a)),
			"Fingerprint": second(a.Fingerprint()),
			"WriteFile":   WriteFile(filepath.Join(t.TempDir(), "a.json"), a),
		} {
			if name == "Fingerprint" && strings.HasPrefix(want, "name") {
				continue // it leaves the name out
			}
			if err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
		_ = a.String() // prints anything without a panic
	}
}

func second[T any](_ T, err error) error { return err }

func TestEncodingJSON(t *testing.T) {
	type model struct {
		Arch Architecture `json:"arch"`
	}
	data, err := json.Marshal(model{*small()})
	if err != nil || bytes.ContainsAny(data, "\n") {
		t.Fatalf("%s, %v", data, err)
	}
	var m model
	if err := json.Unmarshal(data, &m); err != nil || !m.Arch.Equal(small()) {
		t.Errorf("came back as\n%s, %v", &m.Arch, err)
	}
	if err := json.Unmarshal([]byte(`{"arch": {"format": "x"}}`), &m); err == nil || !m.Arch.Equal(small()) {
		t.Errorf("after the error %v it is\n%s", err, &m.Arch)
	}
	if _, err := json.Marshal(model{}); err == nil {
		t.Error("an empty architecture was marshalled")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if err := WriteFile(path, small()); err != nil {
		t.Fatal(err)
	}
	if a, err := ReadFile(path); err != nil || !a.Equal(small()) {
		t.Errorf("came back as\n%v, %v", a, err)
	}
	if err := WriteFile(path, new(Architecture)); err == nil {
		t.Error("an empty architecture was written")
	}
	if a, err := ReadFile(path); err != nil || !a.Equal(small()) {
		t.Errorf("after a refused write the file holds\n%v, %v", a, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	var syntax *SyntaxError
	if _, err := ReadFile(path); !errors.As(err, &syntax) || err.Error() != path+": line 1, column 2: unexpected end of JSON input" {
		t.Errorf("a cut file gives %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	if _, err := ReadFile(dir); err == nil {
		t.Error("a folder was read")
	}
}
