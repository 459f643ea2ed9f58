// Package pass holds the rewrites of ONNX graphs: one file a pass, and tables of passes that a driver runs in order. A
// pass changes a graph in place, keeps its inputs, outputs and metadata, and leaves it correct: whatever order the table
// has, the checker must find nothing after each.
package pass

import (
	"errors"
	"fmt"

	"autodeeplab/onnx"
)

// Pass is one rewrite.
type Pass struct {
	Name string
	// Run rewrites g. opset is the version of ai.onnx that the model imports. It returns an error only for a graph that
	// it cannot read (a weight whose data are broken); what it cannot improve it leaves alone.
	Run func(g *Graph, opset int) error
	// After lists the passes that must have run before, each with the reason.
	After []Order
}

// Order is a constraint between two passes.
type Order struct{ Pass, Reason string }

// Inference is the table that makes the inference form of a training form.
var Inference = []Pass{
	{Name: "fold-batchnorm", Run: foldBatchNorm},
	{Name: "remove-identity", Run: removeIdentity},
	{Name: "remove-dead", Run: removeDead, After: []Order{
		{"fold-batchnorm", "it leaves the statistics and the unfolded weights behind"},
		{"remove-identity", "it may leave nodes behind that nothing reads"},
	}},
}

// Run applies the passes of a table to m, in place. after, if not nil, is called with each pass's name and the model as
// that pass left it.
func Run(m *onnx.Model, table []Pass, after func(name string, m *onnx.Model) error) error {
	if err := Verify(table); err != nil {
		return err
	}
	if m.GetGraph() == nil {
		return errors.New("the model has no graph")
	}
	for _, p := range table {
		if err := p.Run(NewGraph(m.GetGraph()), onnx.Opset(m)); err != nil {
			return fmt.Errorf("pass %s: %w", p.Name, err)
		}
		if after == nil {
			continue
		}
		if err := after(p.Name, m); err != nil {
			return fmt.Errorf("after pass %s: %w", p.Name, err)
		}
	}
	return nil
}

// Verify checks a table: no pass twice, and every constraint kept.
func Verify(table []Pass) error {
	seen := make(map[string]bool)
	for _, p := range table {
		if seen[p.Name] {
			return fmt.Errorf("pass %s stands twice in the table", p.Name)
		}
		for _, o := range p.After {
			if !seen[o.Pass] {
				return fmt.Errorf("pass %s must run after %s: %s", p.Name, o.Pass, o.Reason)
			}
		}
		seen[p.Name] = true
	}
	return nil
}
