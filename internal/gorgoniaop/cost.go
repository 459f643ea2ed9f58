package gorgoniaop

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Costs are what the parts of a supernet would cost in the network that is decoded from it, in any unit.
type Costs struct {
	// Arrows are the transitions of the trellis, ordered by layer.
	Arrows []CostArrow
	// Operators is the cost of an operator at a level: [levels][8].
	Operators [][numOps]float64
}

// Scale multiplies all costs.
func (c *Costs) Scale(by float64) {
	for i := range c.Arrows {
		c.Arrows[i].Cost *= by
	}
	for i := range c.Operators {
		for k := range c.Operators[i] {
			c.Operators[i][k] *= by
		}
	}
}

// Expected is the mean that ExpectedCost computes.
func (c *Costs) Expected(alpha, beta []float64) float64 {
	out := []float64{0}
	(&expectedCost[float64]{costs: *c}).forward([][]float64{alpha, beta}, out)
	return out[0]
}

// CostArrow is a transition: the element of β that weighs it, the nodes it leaves and arrives at as numbers (0 is the
// stem; a node's number is larger than those of the nodes before it), the level it arrives at, and its own cost.
type CostArrow struct {
	Beta, From, To, Level int
	Cost                  float64
}

// ExpectedCost adds the mean cost of a random network to the graph of α [edges, 8] and β, both after their softmax: its
// path is drawn by β, and of each edge of its cell the operator by α.
//
//	E = Σ_arrows P(from) · β · (cost of the arrow + Σ_edges Σ_k α · cost of the operator at the arrow's level)
//
// where P(node) = Σ P(from)·β over the arrows that arrive, and P(stem) = 1.
func ExpectedCost[T kernel.Float](env *Env[T], c Costs, alpha, beta *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &expectedCost[T]{costs: c}, nil, alpha, beta)
}

type expectedCost[T kernel.Float] struct{ costs Costs }

func (c *expectedCost[T]) String() string { return "ExpectedCost" }

func (c *expectedCost[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || in[0].TotalSize()%numOps != 0 {
		return nil, fmt.Errorf("inputs %v, want α [edges, %d] and β", in, numOps)
	}
	return tensor.ScalarShape(), nil
}

// cells gives the expected cost of a cell at each level, and reach the probability of each node.
func (c *expectedCost[T]) cells(alpha []T) []float64 {
	cells := make([]float64, len(c.costs.Operators))
	for i, a := range alpha {
		for level := range cells {
			cells[level] += float64(a) * c.costs.Operators[level][i%numOps]
		}
	}
	return cells
}

func (c *expectedCost[T]) reach(beta []T) []float64 {
	p := []float64{1}
	for _, a := range c.costs.Arrows {
		for len(p) <= a.To {
			p = append(p, 0)
		}
		p[a.To] += p[a.From] * float64(beta[a.Beta])
	}
	return p
}

func (c *expectedCost[T]) forward(in [][]T, out []T) error {
	cells, p := c.cells(in[0]), c.reach(in[1])
	total := 0.0
	for _, a := range c.costs.Arrows {
		total += p[a.From] * float64(in[1][a.Beta]) * (a.Cost + cells[a.Level])
	}
	out[0] = T(total)
	return nil
}

func (c *expectedCost[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	cells, p := c.cells(in[0]), c.reach(in[1])
	beta, scale := in[1], float64(dout[0])
	visits := make([]float64, len(cells)) // expected cells at each level
	behind := make([]float64, len(p))     // gradient with respect to each node's probability
	clear(din[1])
	for i := len(c.costs.Arrows) - 1; i >= 0; i-- {
		a := c.costs.Arrows[i]
		b := float64(beta[a.Beta])
		cost := a.Cost + cells[a.Level] + behind[a.To]
		din[1][a.Beta] += T(scale * p[a.From] * cost)
		behind[a.From] += b * cost
		visits[a.Level] += p[a.From] * b
	}
	for i := range din[0] {
		d := 0.0
		for level, v := range visits {
			d += v * c.costs.Operators[level][i%numOps]
		}
		din[0][i] = T(scale * d)
	}
	return nil
}
