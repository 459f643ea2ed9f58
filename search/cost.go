package search

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"autodeeplab/decode"
	"autodeeplab/internal/gorgoniaop"
)

// CostNames are the costs that a search can add to its loss: multiply-adds, parameters, or the latency of a table.
var CostNames = []string{"macs", "params", "latency"}

// CostTable gives the measured time of every operator and transition at every level, in seconds. `autodeeplab bench
// --table` makes one with the embedded runtime.
type CostTable struct {
	Format  string `json:"format"` // CostTableFormat
	Machine string `json:"machine"`
	Filters int    `json:"filters"`
	Height  int    `json:"height"` // of the image
	Width   int    `json:"width"`
	// Operators is indexed by level and operator, in the order of decode.Operator.
	Operators [][]float64 `json:"operators"`
	// Transitions is indexed by the level that a transition leaves and by move: up, same, down. Those off the trellis are 0.
	Transitions [][]float64 `json:"transitions"`
}

// CostTableFormat marks the JSON form of a CostTable.
const CostTableFormat = "autodeeplab.costtable.1"

// ReadCostTable reads a table for a number of levels.
func ReadCostTable(path string, levels int) (*CostTable, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, 1<<20))
	d.DisallowUnknownFields()
	var t CostTable
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t.Format != CostTableFormat {
		return nil, fmt.Errorf("%s: format %q, want %q (autodeeplab bench --table makes one)", path, t.Format, CostTableFormat)
	}
	if len(t.Operators) < levels || len(t.Transitions) < levels {
		return nil, fmt.Errorf("%s: %d levels of operators and %d of transitions, want %d", path, len(t.Operators), len(t.Transitions), levels)
	}
	for k := range levels {
		if len(t.Operators[k]) != decode.NumOperators || len(t.Transitions[k]) != numMoves {
			return nil, fmt.Errorf("%s: level %d has %d operators and %d transitions, want %d and %d", path, k, len(t.Operators[k]), len(t.Transitions[k]), decode.NumOperators, numMoves)
		}
		for _, v := range append(append([]float64{}, t.Operators[k]...), t.Transitions[k]...) {
			if !(v >= 0 && v < 1e6) {
				return nil, fmt.Errorf("%s: level %d has a time of %g s, want 0 to a million", path, k, v)
			}
		}
	}
	return &t, nil
}

// costs gives the costs of a space's parts for an image size; table is for "latency" alone.
func (s Space) costs(kind string, height, width int, table *CostTable) gorgoniaop.Costs {
	var c gorgoniaop.Costs
	sizes := s.Sizes(height, width)
	for level := range s.Levels {
		var row [decode.NumOperators]float64
		for op := range row {
			row[op] = s.operatorCost(kind, decode.Operator(op), level, sizes[level], table)
		}
		c.Operators = append(c.Operators, row)
	}
	number := map[[2]int]int{{-1, 0}: 0}
	for layer := range s.Layers {
		for level := range s.Levels {
			if !s.Exists(layer, level) {
				continue
			}
			to := len(number)
			number[[2]int{layer, level}] = to
			for _, t := range s.incoming(layer, level) {
				c.Arrows = append(c.Arrows, gorgoniaop.CostArrow{Beta: s.beta(t), From: number[[2]int{layer - 1, t.from}], To: to, Level: level,
					Cost: s.transitionCost(kind, t, sizes[level], table)})
			}
		}
	}
	return c
}

// operatorCost counts convolutions only, and a scale and shift for each channel that is normalised, as the retrained
// network has them.
func (s Space) operatorCost(kind string, op decode.Operator, level int, size [2]int, table *CostTable) float64 {
	if kind == "latency" {
		return table.Operators[level][op]
	}
	c := float64(s.Channels(level))
	var kernels, norms float64
	switch op {
	case decode.SepConv3x3:
		kernels, norms = 2*(9*c+c*c), 2
	case decode.SepConv5x5:
		kernels, norms = 2*(25*c+c*c), 2
	case decode.AtrConv3x3:
		kernels, norms = 9*c*c, 1
	case decode.AtrConv5x5:
		kernels, norms = 25*c*c, 1
	}
	if kind == "params" {
		return kernels + norms*2*c
	}
	return kernels * float64(size[0]*size[1])
}

func (s Space) transitionCost(kind string, t transition, size [2]int, table *CostTable) float64 {
	if kind == "latency" {
		return table.Transitions[t.from][t.move]
	}
	kernels := float64(s.Width(t.from) * s.Channels(t.to()))
	if kind == "params" {
		return kernels + 2*float64(s.Channels(t.to()))
	}
	return kernels * float64(size[0]*size[1])
}

// uniformCost is the expected cost of uniform α and β, the measure that costs are divided by.
func (s Space) uniformCost(c gorgoniaop.Costs) float64 {
	alpha := make([]float64, gorgoniaop.AlphaEdges(s.Blocks)*decode.NumOperators)
	for i := range alpha {
		alpha[i] = 1 / float64(decode.NumOperators)
	}
	live := s.liveMoves()
	beta := make([]float64, len(live))
	gorgoniaop.Relax(beta, make([]float64, len(live)), live, numMoves)
	return c.Expected(alpha, beta)
}
