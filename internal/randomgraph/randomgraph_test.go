package randomgraph_test

import (
	"bytes"
	"flag"
	"testing"

	"autodeeplab/internal/randomgraph"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/runtime"
)

var graphs = flag.Int("graphs", 400, "how many random models to make")

// TestValid: what is said to be valid is so for the project's own checker, and the same seed gives the same model. The
// shapes that models declare of their outputs come from the generator's formulas, so the checker's rules are tested, too.
func TestValid(t *testing.T) {
	for seed := range uint64(*graphs) {
		c := randomgraph.New(seed)
		for _, f := range check.Model(c.Model, check.Options{}) {
			t.Errorf("seed %d, opset %d: %v", seed, onnx.Opset(c.Model), f)
		}
		first, err := onnx.Marshal(c.Model)
		if err != nil {
			t.Fatal(err)
		}
		second, err := onnx.Marshal(randomgraph.New(seed).Model)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("seed %d gives two models", seed)
		}
	}
}

// TestEveryOperator: the models hold every operator that the engine claims.
func TestEveryOperator(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(3000) {
		for _, name := range randomgraph.New(seed).Ops {
			seen[name] = true
		}
	}
	for _, name := range op.Names() {
		if runtime.Claims(name) && !seen[name] {
			t.Errorf("no model has a %s: give it a maker", name)
		}
	}
}
