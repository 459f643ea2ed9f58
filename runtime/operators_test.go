package runtime_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"autodeeplab/onnx/op"
	"autodeeplab/runtime"
)

var update = flag.Bool("update", false, "write the golden files anew")

const operatorsHeader = `# Operators

What the embedded runtime claims: every operator below, at every version from opset %d to %d (domain ai.onnx), with all
attributes but those in the last column. This table is made from the code (` + "`go test ./runtime -run OperatorsPage -update`" + `); the
claim is tested by ONNX's own backend tests (` + "`scripts/test -run ONNXNode -v ./runtime`" + ` prints how many ran).

float32 has the fast kernels. Other types that an operator's schema allows run on plain ones: float64, float16 and
bfloat16 (computed in float32), the integers and booleans. The 8-bit floats and 4-bit integers of opset 19 and later,
strings in arithmetic, sequences, maps, optionals and subgraphs are refused when a model is loaded, with the node and
the operator.

| operator | versions | refused |
|---|---|---|
`

// refused lists what a claimed operator does not do; loading such a node is an error that says so.
var refused = map[string]string{
	"BatchNormalization": "spatial = 0 (opset 7 and 8)",
	"Dropout":            "training mode",
	"QuantizeLinear":     "blocked quantisation, 4-bit and 8-bit float types",
	"DequantizeLinear":   "blocked quantisation, 4-bit and 8-bit float types",
	"Cast":               "4-bit and 8-bit float types",
}

// TestOperatorsPage holds docs/operators.md against the code.
func TestOperatorsPage(t *testing.T) {
	const path = "../docs/operators.md"
	var b strings.Builder
	fmt.Fprintf(&b, operatorsHeader, op.OldestOpset, op.NewestOpset)
	claimed := 0
	for _, name := range op.Names() {
		if !runtime.Claims(name) {
			t.Errorf("%s has a schema, but the runtime has no kernel for it", name)
			continue
		}
		claimed++
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, versions(name), refused[name])
	}
	fmt.Fprintf(&b, "\n%d operators.\n", claimed)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Errorf("%s is not what the code says; -update writes it anew", path)
	}
}

// versions lists the opset versions at which an operator changed, from the one that was in force at the oldest opset.
func versions(name string) string {
	var list []string
	last := 0
	for v := op.OldestOpset; v <= op.NewestOpset; v++ {
		s, err := op.Lookup("", name, v)
		if err != nil {
			if last != 0 {
				list = append(list, fmt.Sprintf("(withdrawn at %d)", v))
				break
			}
			continue
		}
		if s.Since != last {
			last = s.Since
			list = append(list, fmt.Sprint(s.Since))
		}
	}
	return strings.Join(list, ", ")
}
