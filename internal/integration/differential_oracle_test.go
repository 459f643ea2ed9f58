//go:build oracle

package integration

import (
	"context"
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"

	"autodeeplab/internal/randomgraph"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

var (
	graphs    = flag.Int("graphs", 300, "how many random models to compare, one in six of them invalid")
	firstSeed = flag.Uint64("first-seed", 1, "seed of the first random model")
)

// TestRandomGraphs is the differential check: on random graphs over all claimed operators the embedded engine and ONNX
// Runtime compute the same shapes and values, or both refuse.
//
// What ONNX Runtime refuses for want of a kernel, which says nothing about the model, is counted and printed.
func TestRandomGraphs(t *testing.T) {
	reference, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	agreed, refused, lacking, nodes := 0, 0, map[string]int{}, 0
	for i := range *graphs {
		seed := *firstSeed + uint64(i)
		c := randomgraph.New(seed)
		if i%6 == 5 {
			c = randomgraph.NewFaulty(seed)
		}
		ours, ourErr := outputs(runtime.Embedded, c)
		theirs, theirErr := outputs(reference, c)
		what := fmt.Sprintf("seed %d, opset %d, %v", seed, onnx.Opset(c.Model), c.Ops)
		switch {
		case theirErr != nil && lacks(theirErr):
			lacking[theirErr.Error()]++
		case ourErr != nil && theirErr != nil && c.Fault != "":
			refused++
		case c.Fault != "":
			t.Errorf("%s: fault %q: ours: %v; ONNX Runtime: %v", what, c.Fault, ourErr, theirErr)
		case ourErr != nil || theirErr != nil:
			t.Errorf("%s: ours: %v; ONNX Runtime: %v", what, ourErr, theirErr)
		default:
			agreed++
			nodes += len(c.Ops)
			for _, o := range c.Model.GetGraph().GetOutput() {
				if d := difference(ours[o.GetName()], theirs[o.GetName()]); d != "" {
					t.Errorf("%s: output %s, made by %s: %s", what, o.GetName(), maker(c.Model, o.GetName()), d)
				}
			}
		}
	}
	t.Logf("%d graphs (%d nodes) agree, %d are refused by both, %d need a kernel that ONNX Runtime lacks:", agreed, nodes, refused, *graphs-agreed-refused)
	for text, n := range lacking {
		t.Logf("  %d: %s", n, text)
	}
	if agreed < *graphs/2 {
		t.Errorf("only %d of %d graphs could be compared", agreed, *graphs)
	}
}

func outputs(e runtime.Engine, c *randomgraph.Case) (out map[string]*tensor.Tensor, err error) {
	s, err := e.LoadModel(c.Model, runtime.Options{Threads: 2})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(context.Background(), c.Inputs)
}

// lacks tells a missing kernel from a refusal of the model.
func lacks(err error) bool {
	return strings.Contains(err.Error(), "NOT_IMPLEMENTED") || strings.Contains(err.Error(), "Could not find an implementation")
}

// maker names the node that makes a value.
func maker(m *onnx.Model, value string) string {
	for _, n := range m.GetGraph().GetNode() {
		for _, o := range n.GetOutput() {
			if o == value {
				return n.GetOpType()
			}
		}
	}
	return "?"
}

// difference says how two outputs differ, "" where they agree: type and shape, integers and booleans exactly, floats to
// 1e-4 of the largest value.
func difference(ours, theirs *tensor.Tensor) string {
	switch {
	case ours == nil || theirs == nil:
		return "missing"
	case ours.String() != theirs.String():
		return fmt.Sprintf("%v instead of %v", ours, theirs)
	}
	a, b := tensor.Data[float32](ours), tensor.Data[float32](theirs)
	if a == nil {
		x, y := fmt.Sprint(ours.Data), fmt.Sprint(theirs.Data)
		if x != y {
			return clip(x) + " instead of " + clip(y)
		}
		return ""
	}
	largest := 0.0
	for _, v := range b {
		if !math.IsInf(float64(v), 0) && !math.IsNaN(float64(v)) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		if x != y && !(math.IsNaN(x) && math.IsNaN(y)) && !(math.Abs(x-y) <= 1e-4*largest+1e-5) {
			return fmt.Sprintf("element %d is %v instead of %v (largest %v)", i, x, y, largest)
		}
	}
	return ""
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
