package check

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

var updateModels = flag.Bool("update", false, "write the golden files")

// modelCase is an entry of testdata/models.json, which testdata/models.py writes.
type modelCase struct {
	Name  string `json:"name"`
	ONNX  string `json:"onnx"` // why ONNX refuses it, "" if it does not
	Model []byte `json:"model"`
}

func modelCases(t testing.TB) []modelCase {
	t.Helper()
	data, err := os.ReadFile("testdata/models.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []modelCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// judge gives all that loading and Model say of a model.
func judge(data []byte) []string {
	m, err := onnx.Unmarshal(data, onnx.LoadOptions{})
	if err != nil {
		return []string{"load: " + err.Error()}
	}
	var lines []string
	for _, f := range Model(m, Options{}) {
		lines = append(lines, f.String())
	}
	return lines
}

// TestModelAgainstONNX compares with ONNX's own verdicts: nothing that it refuses may pass. The golden file shows every
// finding, and so where Model is stricter than ONNX.
func TestModelAgainstONNX(t *testing.T) {
	var b strings.Builder
	refused := 0
	for _, c := range modelCases(t) {
		lines := judge(c.Model)
		switch {
		case c.ONNX != "":
			refused++
			fmt.Fprintf(&b, "%s\n", c.Name)
			if len(lines) == 0 {
				t.Errorf("%s: no finding, though ONNX says: %s", c.Name, c.ONNX)
			}
		case len(lines) > 0:
			fmt.Fprintf(&b, "%s (ONNX accepts it)\n", c.Name)
			if strings.HasPrefix(c.Name, "good") {
				t.Errorf("%s: %q", c.Name, lines)
			}
		default:
			fmt.Fprintf(&b, "%s (nothing wrong)\n", c.Name)
		}
		seen := make(map[string]bool)
		for _, l := range lines {
			fmt.Fprintf(&b, "    %s\n", l)
			if seen[l] || strings.Contains(l, "\n") {
				t.Errorf("%s: %q stands twice or has several lines", c.Name, l)
			}
			seen[l] = true
		}
	}
	if refused < 130 {
		t.Errorf("only %d models that ONNX refuses", refused)
	}
	const path = "testdata/models.golden"
	if *updateModels {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +have; -update writes it anew):\n%s", path, diff)
	}
}

func parse(t testing.TB, text string) *onnx.Model {
	t.Helper()
	m, err := onnx.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func findings(m *onnx.Model, o Options) string {
	var b strings.Builder
	for _, f := range Model(m, o) {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

func TestModelReportsEverythingOnce(t *testing.T) {
	m := parse(t, `<ir_version: 3, opset_import: ["" : 17], metadata_props: ["k": "1", "k": "2"]>
		g (float[2,-3] x, x) => (float[2] y, float[1] z) <float[2] w = {1}> {
			[a] a = Relu <alpha = 1.0, beta = 2> (x)
			[b] b = Softplusplus (a)
			[c] c = Relu (b)
			[d] d = Abs (c, nowhere)
			[d] y = Neg (d)
			loop = Neg (pool)
			pool = Neg (loop)
			q = Abs (w, "")
		}`)
	want := `ir_version is 3, but operator set 17 needs 8 or more
metadata_props has the key "k" twice
value "x": the graph input has dimension 1 of size -3, want 0 or more
value "x": the graph input has no type
value "x": is a graph input twice
value "w": is an initializer but no graph input, as ir_version 3 (before 4) demands
value "w": the initializer cannot be read: bad tensor "w": dimensions [2] want 2 elements, float_data holds 1
node "a" (Relu): unknown attribute "alpha" (Relu since opset 14 has no attributes)
node "a" (Relu): unknown attribute "beta" (Relu since opset 14 has no attributes)
node "b" (Softplusplus): unknown operator Softplusplus
node "d" (Abs): value "nowhere": is not defined: no graph input, initializer or node output has that name
node "d" (Abs): it has 2 inputs, want 1
node "d" (Neg): node #3 has the same name
node #5 (Neg): the graph has a cycle: #5 → #6 → #5
node #7 (Abs): it has 2 inputs, want 1
value "z": is a graph output, but no node makes it
`
	if diff := cmp.Diff(want, findings(m, Options{})); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

// A value that cannot be inferred is known by its declaration, so that what comes behind it is still checked.
func TestModelTrustsDeclarationsBehindFaults(t *testing.T) {
	m := parse(t, `<ir_version: 8, opset_import: ["" : 17]>
		g (float[2,3] x) => (float[3,3] y) <float[2,3] h> {
			[strange] h = Strange (x)
			[neg] y = Neg (h)
		}`)
	want := `node "strange" (Strange): unknown operator Strange
node "neg" (Neg): value "y": is float[2,3], but it is declared as float[3,3]: dimension 0 differs
`
	if have := findings(m, Options{}); have != want {
		t.Errorf("have\n%swant\n%s", have, want)
	}
}

func TestModelOptions(t *testing.T) {
	m := parse(t, `<ir_version: 8, opset_import: ["" : 17]>
		g (float[N,3] x) => (float[4,3] y) { [n] y = Neg (x) }`)
	if have := findings(m, Options{}); have != "" {
		t.Errorf("a dynamic axis: %s", have)
	}
	have := findings(m, Options{Inputs: map[string]op.Info{"x": op.Of(tensor.Float32, 5, 3), "q": {}}})
	want := `value "q": is given as an input, but the graph has none of that name
node "n" (Neg): value "y": is float[5,3], but it is declared as float[4,3]: dimension 0 differs
`
	if have != want {
		t.Errorf("have\n%swant\n%s", have, want)
	}
	have = findings(m, Options{Limits: &op.Limits{MaxElems: 11, MaxFold: 1, MaxDims: 2}})
	want = "value \"y\": the graph output float[4,3]: over the limit: at most 11 elements are allowed (--limit tensor-elements)\n"
	if have != want {
		t.Errorf("have\n%swant\n%s", have, want)
	}
}

func TestModelNamesLongCycles(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Neg(x)` + "\n")
	for i := range 100 {
		fmt.Fprintf(&b, "[n%d] v%d = Neg (v%d)\n", i, i, (i+99)%100)
	}
	b.WriteString("}")
	want := "node \"n0\" (Neg): the graph has a cycle: n0 → n1 → n2 → n3 → n4 → n5 → … (100 nodes) → n0\n"
	if have := findings(parse(t, b.String()), Options{}); have != want {
		t.Errorf("have\n%swant\n%s", have, want)
	}
}

func TestFindingString(t *testing.T) {
	for _, c := range []struct {
		f    Finding
		want string
	}{
		{Finding{Text: "t"}, "t"},
		{Finding{Value: "v", Text: "t"}, `value "v": t`},
		{Finding{Node: "n", Op: "Conv", Text: "t"}, `node "n" (Conv): t`},
		{Finding{Node: "#3", Op: "Conv", Value: "v", Text: "t"}, `node #3 (Conv): value "v": t`},
		{Finding{Node: "a\nb", Op: "C\x1b[1m", Text: "t\r"}, `node "a\nb" (C\x1b[1m): t\r`},
	} {
		if have := c.f.String(); have != c.want {
			t.Errorf("%#v: %s, want %s", c.f, have, c.want)
		}
	}
}

func ExampleModel() {
	m, err := onnx.Parse(`<ir_version: 8, opset_import: ["" : 17]>
		g (float[1,3] x) => (float[1,3] y) {
			[first] h = Relu <alpha = 0.1> (x)
			[second] y = Neg (g)
		}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range Model(m, Options{}) {
		fmt.Println(f)
	}
	// Output:
	// node "first" (Relu): unknown attribute "alpha" (Relu since opset 14 has no attributes)
	// node "second" (Neg): value "g": is not defined: no graph input, initializer or node output has that name
}
